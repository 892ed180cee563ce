/* controllers/endpointslice.h: EndpointSlices: of Services with a selector from Pods, of others
 * from their Endpoints. */
#pragma once
#include "controllers/plan.h"

#define SLICE_ENDPOINTS_MAX 100  /* in one slice */
#define SLICE_MIRRORED_MAX  1000 /* addresses of one subset that are mirrored */
#define SLICES              "endpointslices.discovery.k8s.io"
#define SLICE_SERVICE_LABEL "kubernetes.io/service-name"
#define SLICE_MANAGED_LABEL "endpointslice.kubernetes.io/managed-by"
#define SLICE_BY_CONTROLLER "endpointslice-controller.k8s.io"
#define SLICE_BY_MIRRORING  "endpointslicemirroring-controller.k8s.io"

/* What a set of slices is to hold. */
struct slice_group {
    const char *address_type; /* "IPv4" */
    json_t *ports;            /* owned */
    json_t *endpoints;        /* owned array, each address once */
};
struct slice_want {
    const json_t *owner; /* Service or Endpoints */
    const char *owner_kind, *service_name, *managed_by;
    const json_t *labels; /* besides the two of our own */
    struct slice_group *groups;
    size_t group_count;
    bool placeholder; /* keep one empty slice of this address type when there is no endpoint */
    const char *placeholder_type;
};
void slice_want_free(struct slice_want *want);
/* The group with these ports, made when it is missing. */
struct slice_group *slice_group_of(struct slice_want *want, const char *address_type,
                                   json_t *ports);

/* Brings `existing` (all slices of this manager and Service) to `want` with few writes: endpoints
 * stay in the slice where they are, new ones fill slices that change anyway, then free room, then
 * new slices. Pure. */
void slice_decide(const struct slice_want *want, json_t *const *existing, size_t count,
                  struct plan *plan);

struct endpointslice_seen {
    const json_t *service;
    json_t *const *pods;
    size_t pod_count;
    json_t *const *nodes; /* for their zones */
    size_t node_count;
    json_t *const *slices;
    size_t slice_count;
};
void endpointslice_decide(const struct endpointslice_seen *seen, struct plan *plan);

struct mirroring_seen {
    const json_t *service, *endpoints; /* either may be NULL */
    json_t *const *slices;
    size_t slice_count;
};
void mirroring_decide(const struct mirroring_seen *seen, struct plan *plan);

struct controller;
extern const struct controller endpointslice_controller, mirroring_controller;
