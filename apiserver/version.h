/* apiserver/version.h: the version of the API that is served. */
#pragma once

#define KUBERNETES_MAJOR "1"
#define KUBERNETES_MINOR "32"
#define KUBERNETES_LEVEL "v1.32.4+warren.1"
