/* apiserver/version.h: the version of the API that is served. */
#pragma once

#define KUBERNETES_MAJOR "1"
#define KUBERNETES_MINOR "32"
#define KUBERNETES_LEVEL "v1.32.4+warren.1"
/* What upstream's own build of this level says of Go, for tools that read the fields. */
#define KUBERNETES_GO       "go1.23.6"
#define KUBERNETES_COMPILER "gc"
