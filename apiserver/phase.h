/* apiserver/phase.h: since when a PersistentVolume has been in its phase. */
#pragma once
#include "base/json.h"

/* Stamps what is about to be stored under `storage`; `old` NULL: it is new. A time that the client
 * sets together with another phase stays. Source: pkg/registry/core/persistentvolume/strategy.go.
 */
void phase_stamp(const char *storage, json_t *object, const json_t *old);
