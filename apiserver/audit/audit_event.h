/* apiserver/audit/audit_event.h: one request's audit event in the making, and its line of JSON.
 * Only for this folder. */
#pragma once
#include "apiserver/audit/audit.h"
#include "apiserver/audit/audit_policy.h"
#include "apiserver/request.h"

#define AUDIT_OBJECT_MAX                                                                           \
    ((size_t)4 << 20) /* an object that is larger is left out, and that said                       \
                       */

struct audit_entry {
    struct audit_verdict verdict;
    char id[AUDIT_ID_MAX + 1];
    int64_t received_us;
    json_t *fields;           /* of the event, by name, as far as they are known */
    struct buf asked, answer; /* requestObject and responseObject, as JSON */
    bool runs_long, started, complete;
};

/* Everything that is known of a request that has just come. `user` NULL: nobody. */
struct audit_entry *audit_entry_new(const struct request *request, const struct user *user,
                                    struct audit_verdict verdict);
void audit_entry_free(struct audit_entry *entry);
/* Fields that become known. */
void audit_entry_impersonated(struct audit_entry *entry, const struct user *user);
void audit_entry_annotate(struct audit_entry *entry, const char *key, const char *value);
void audit_entry_asked(struct audit_entry *entry, const json_t *object);
/* What a patch said, when its body was not read as an object. */
void audit_entry_patch(struct audit_entry *entry, struct str body);
void audit_entry_status(struct audit_entry *entry, const struct request *request, unsigned code);
/* There was no answer: the connection was closed first. */
void audit_entry_cut(struct audit_entry *entry);
void audit_entry_answer(struct audit_entry *entry, struct request *request);
/* The line, without its end. */
void audit_entry_write(const struct audit_entry *entry, enum audit_stage stage, struct buf *out);
