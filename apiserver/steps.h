/* apiserver/steps.h: every step of the pipeline, by the file it lives in. All have one signature
 * (step_fn). */
#pragma once
#include "apiserver/request.h"

/* front.c: for every request */
enum step_result step_route(struct request *request);
enum step_result step_cluster(struct request *request);
enum step_result step_authenticate(struct request *request);
enum step_result step_impersonate(struct request *request);
enum step_result step_authorize(struct request *request);
enum step_result step_dispatch(struct request *request);
enum step_result
step_body(struct request *request); /* waits for it, unless it goes on as it comes */

/* body.c */
enum step_result step_options(struct request *request); /* of creates, updates, patches */
enum step_result step_decode(struct request *request);

/* compute.c */
enum step_result step_compute(struct request *request); /* where expressions run or are compiled */

/* current.c */
enum step_result step_read(struct request *request); /* 404 when absent */

/* get.c, list.c, watch.c */
enum step_result step_get(struct request *request);
enum step_result step_list(struct request *request);
enum step_result step_watch(struct request *request);

/* create.c */
enum step_result step_create_meta(struct request *request);
enum step_result step_create_fill(struct request *request);
enum step_result step_create_prepare(struct request *request);
enum step_result step_create_validate(struct request *request);
extern const step_fn *const create_chain; /* what follows step_decode */

/* update.c */
enum step_result step_update_read(struct request *request);
enum step_result step_update_rebase(struct request *request);
enum step_result step_update_prepare(struct request *request);
enum step_result step_update_validate(struct request *request);

/* patch.c */
enum step_result step_patch_read(struct request *request); /* an apply may create */
enum step_result step_patch(struct request *request);

/* apply.c */
bool apply_wanted(const struct request *request);
void apply_check_options(struct request *request); /* adds what is wrong with fieldManager, force */
enum step_result step_apply(struct request *request);
enum step_result step_track(struct request *request);     /* managedFields of every write */
enum step_result step_track_end(struct request *request); /* none when only times change */

/* delete.c */
enum step_result step_delete(struct request *request); /* reads the object, too */
enum step_result step_delete_collection(struct request *request);

/* admission.c */
enum step_result step_admit(struct request *request);          /* mutating */
enum step_result step_admit_validate(struct request *request); /* validating */
enum step_result step_quota(struct request *request);

/* admission_entry.c: webhooks alone, for what takes no other plugin */
enum step_result step_admit_delete(struct request *request);
enum step_result step_admit_special(struct request *request);
enum step_result step_admit_connect(struct request *request);

/* service_address.c */
enum step_result step_allocate(struct request *request);

/* documents.c, health.c */
enum step_result step_document(struct request *request);

/* write.c: request->write.op says what; the last step of every write */
enum step_result step_store(struct request *request);
