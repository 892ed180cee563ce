/* Which volume fits a claim. Source: component-helpers storage/volume/pv_helpers.go, upstream's
 * index.go. */
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "controllers/node_fit.h"
#include "controllers/volume_binder.h"
#include "schema/meta.h"
#include "schema/selector.h"

const char *storage_class_of(const json_t *object)
{
    const char *old = meta_annotation(object, "volume.beta.kubernetes.io/storage-class");
    const char *class = old ? old : json_text(object, "spec", "storageClassName");
    return class ? class : "";
}

bool storage_class_waits(const json_t *class)
{
    return text_eq(json_text(class, "volumeBindingMode"), "WaitForFirstConsumer");
}

static const char *mode_of(const json_t *object)
{
    const char *mode = json_text(object, "spec", "volumeMode");
    return mode && *mode ? mode : "Filesystem";
}

static struct quantity amount(const json_t *text)
{
    struct quantity quantity = {0};
    if (!json_is_string(text) || !quantity_parse(str_of(json_string_value(text)), &quantity))
        quantity = (struct quantity){0};
    return quantity;
}

static struct quantity size_of(const json_t *volume)
{
    return amount(json_at(volume, "spec", "capacity", "storage"));
}

static bool has_modes(const json_t *claim, const json_t *volume)
{
    const json_t *have = json_at(volume, "spec", "accessModes"), *mode;
    size_t i;
    json_array_foreach (json_at(claim, "spec", "accessModes"), i, mode)
        if (!json_array_has_text(have, json_string_value(mode)))
            return false;
    return true;
}

static bool is_large_enough(const json_t *claim, const json_t *volume)
{
    struct quantity want = amount(json_at(claim, "spec", "resources", "requests", "storage")),
                    have = size_of(volume);
    return quantity_compare(&have, &want) >= 0;
}

const char *volume_mismatch(const json_t *claim, const json_t *volume)
{
    if (!is_large_enough(claim, volume))
        return "requested PV is too small";
    if (strcmp(storage_class_of(claim), storage_class_of(volume)) != 0)
        return "storageClassName does not match";
    if (strcmp(mode_of(claim), mode_of(volume)) != 0)
        return "incompatible volumeMode";
    return has_modes(claim, volume) ? NULL : "incompatible accessMode";
}

bool volume_is_for(const json_t *volume, const json_t *claim)
{
    const json_t *ref = json_at(volume, "spec", "claimRef");
    const char *uid = json_text(ref, "uid");
    return text_eq(json_text(ref, "name"), meta_name(claim)) &&
           text_eq(json_text(ref, "namespace"), meta_namespace(claim)) &&
           (!uid || !*uid || strcmp(uid, meta_uid(claim)) == 0);
}

static bool is_selected(const json_t *claim, const json_t *volume)
{
    const json_t *wanted = json_at(claim, "spec", "selector");
    CLEANUP(error_clear) struct error err = {0};
    struct selector *selector = wanted ? selector_from_json(wanted, &err) : NULL;
    bool selected =
        !wanted ||
        (selector && selector_matches_json(selector, json_at(volume, "metadata", "labels")));
    selector_free(selector);
    return selected;
}

static bool is_free(const json_t *claim, const json_t *volume)
{
    return !json_at(volume, "spec", "claimRef") &&
           text_eq(json_text(volume, "status", "phase"), "Available") &&
           !volume_mismatch(claim, volume) && is_selected(claim, volume);
}

/* Fewer access modes before smaller size: what can do more is left for who needs it. */
static bool is_better(const json_t *volume, const json_t *best)
{
    if (!best)
        return true;
    size_t modes = json_array_size(json_at(volume, "spec", "accessModes")),
           best_modes = json_array_size(json_at(best, "spec", "accessModes"));
    struct quantity size = size_of(volume), best_size = size_of(best);
    return modes != best_modes ? modes < best_modes : quantity_compare(&size, &best_size) < 0;
}

bool volume_reaches(const json_t *volume, const json_t *node)
{
    const json_t *required = json_at(volume, "spec", "nodeAffinity", "required");
    return !required || node_fit_selector(required, node);
}

const json_t *volume_match(const struct volume_wish *wish, json_t *const *volumes, size_t count)
{
    const json_t *claim = wish->claim, *best = NULL;
    for (size_t i = 0; i < count; i++) {
        const json_t *volume = volumes[i];
        if (meta_deleting(volume) || strcmp(mode_of(claim), mode_of(volume)) != 0 ||
            json_object_get(wish->taken, meta_name(volume)))
            continue;
        bool reaches = !wish->node || volume_reaches(volume, wish->node);
        if (volume_is_for(volume, claim) && is_large_enough(claim, volume))
            return reaches ? volume : NULL;
        if (!wish->reserved && reaches && is_free(claim, volume) && is_better(volume, best))
            best = volume;
    }
    return best;
}
