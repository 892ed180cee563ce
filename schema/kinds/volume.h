/* schema/kinds/volume.h: sources of volumes: in Pods and in PersistentVolumes the same drivers, in
 * tables of their own. Source: validateVolumeSource and ValidatePersistentVolumeSpec in
 * pkg/apis/core/validation. */
#pragma once
#include "schema/kinds/kinds.h"

/* Whose volume it is. "" where that is not known. */
struct volume_place {
    const char *pod, *volume;
};

typedef void (*volume_check_fn)(struct error *err, const struct path *at, const json_t *source,
                                const struct volume_place *place);

/* One way of getting a volume. */
struct volume_source {
    const char *member;
    const char *needs[3];  /* members that must be there */
    volume_check_fn check; /* what else; NULL: nothing */
    const char *many;      /* upstream's name of one too many; NULL: the member's */
    const char *path;      /* and of it where it is checked */
};

/* Exactly one of `rows` is in `volume`: the first is checked, every further one is one too many. */
void check_volume_sources(struct error *err, const struct path *at, const json_t *volume,
                          const struct volume_source *rows, size_t count,
                          const struct volume_place *place);

/* Drivers. */
void check_host_path(struct error *err, const struct path *at, const json_t *source,
                     const struct volume_place *place);
void check_partition(struct error *err, const struct path *at, const json_t *source,
                     const struct volume_place *place);
void check_nfs(struct error *err, const struct path *at, const json_t *source,
               const struct volume_place *place);
void check_flocker(struct error *err, const struct path *at, const json_t *source,
                   const struct volume_place *place);
void check_quobyte(struct error *err, const struct path *at, const json_t *source,
                   const struct volume_place *place);
void check_fibre_channel(struct error *err, const struct path *at, const json_t *source,
                         const struct volume_place *place);
void check_flex(struct error *err, const struct path *at, const json_t *source,
                const struct volume_place *place);
void check_azure_disk(struct error *err, const struct path *at, const json_t *source,
                      const struct volume_place *place);
/* What is common to iSCSI in Pods and in volumes; `form`: what to say of an initiator of no known
 * kind. */
void check_iscsi_target(struct error *err, const struct path *at, const json_t *source,
                        const char *form);
#define ISCSI_PORTAL_MAX 64
#define ISCSI_TOO_LONG                                                                             \
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "           \
    "iscsi.initiatorName is specified."
bool iscsi_is_too_long(const json_t *source, const char *volume);
/* A secretRef, if there is one, has a name; in a PersistentVolume a namespace, too. */
void check_secret_ref(struct error *err, const struct path *at, const json_t *source,
                      bool has_namespace);
void check_storage_os(struct error *err, const struct path *at, const json_t *source,
                      bool has_namespace);
