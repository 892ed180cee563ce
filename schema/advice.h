/* schema/advice.h: what upstream warns of in objects that are valid all the same: deprecated
 * labels, annotations and fields, and what is sure not to work as it reads. Pure.
 *
 * Texts are upstream's, since clients print and match them. Source:
 * pkg/api/{pod,node,persistentvolume, persistentvolumeclaim}/..., and WarningsOnCreate and
 * WarningsOnUpdate of the registries. */
#pragma once
#include "base/json.h"
#include "schema/decode.h"

/* About a new object before its kind prepares it: what is not to be seen any more afterwards. */
void advise_before(const char *storage, const json_t *object, struct warnings *warnings);
/* About an object of this storage key that is created (`old` NULL) or updated, not about its
 * status. */
void advise(const char *storage, const json_t *object, const json_t *old,
            struct warnings *warnings);
