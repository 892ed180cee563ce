/* schema/rule_internal.h: the vocabulary that kinds' rules are written in.
 *
 * A check looks at one member of an object, and appends a cause to `err` in upstream's words when
 * it is wrong. Field paths are chains of nodes on the stack, made into text only when something is
 * wrong, so that checking costs next to nothing. Absent, null and "" are the same thing to a check
 * unless it says otherwise, as they are in Go. Source: apimachinery's util/validation/field,
 * pkg/apis/core/validation. */
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "schema/kind.h"

struct path {
    const struct path *up; /* NULL: this is the first */
    const char *name;      /* ".name"; NULL: look at key and index */
    const char *key;       /* "[key]"; NULL: "[index]" */
    size_t index;
};

/* Nodes live as long as the block they are made in. */
#define PATH(parent, member)   (&(struct path){.up = (parent), .name = (member)})
#define PATH_KEY(parent, text) (&(struct path){.up = (parent), .key = (text)})
#define PATH_AT(parent, i)     (&(struct path){.up = (parent), .index = (i)})

/* Owned text: "spec.ports[0].name". "<nil>" for no path at all. */
char *path_text(const struct path *path);

/* Past so many causes nothing is added: an answer is not to be longer than what it answers. */
#define RULE_CAUSES_MAX 500
/* A structure is shown up to so many bytes. */
#define RULE_SHOWN_MAX 1024

/* Causes. `value` NULL or null prints as upstream prints a nil pointer. */
void rule_invalid(struct error *err, const struct path *path, const json_t *value,
                  const char *format, ...) PRINTF_LIKE(4, 5);
void rule_invalid_text(struct error *err, const struct path *path, const char *value,
                       const char *detail);
/* With the value written as given: for numbers and for Go syntax. */
void rule_invalid_raw(struct error *err, const struct path *path, const char *value,
                      const char *detail);
/* With a list of texts as Go's %#v shows it: []string{"a", "b"}. */
void rule_invalid_list(struct error *err, const struct path *path, const char *type,
                       const json_t *list, const char *detail);
/* Every fault of `value` in the format that `fn` checks, of which there may be several. */
typedef const char *(*rule_name_fn)(
    const char *value); /* NULL, or what is wrong: schema/meta.h's */
void rule_named(struct error *err, const struct path *path, const char *value, rule_name_fn fn);
/* Without a value: upstream's OmitValueType. */
void rule_invalid_bare(struct error *err, const struct path *path, const char *detail);
void rule_required(struct error *err, const struct path *path, const char *detail);
void rule_forbidden(struct error *err, const struct path *path, const char *format, ...)
    PRINTF_LIKE(3, 4);
void rule_duplicate(struct error *err, const struct path *path, const json_t *value);
/* With a word on what is to be unique. */
void rule_duplicate_told(struct error *err, const struct path *path, const json_t *value,
                         const char *detail);
void rule_not_found(struct error *err, const struct path *path, const json_t *value);
void rule_too_long(struct error *err, const struct path *path, size_t max);
void rule_too_many(struct error *err, const struct path *path, size_t actual, size_t max);
/* `allowed`: NULL-ended, in the order in which upstream shows them: mostly sorted. */
void rule_not_supported(struct error *err, const struct path *path, const json_t *value,
                        const char *const *allowed);

/* Reading. */
/* The member's text, or "". */
const char *rule_text(const json_t *object, const char *member);
/* False when absent or null. */
bool rule_has(const json_t *object, const char *member);
/* Present and not null, "", {}, [], 0 or false: what Go's omitempty would write. */
bool rule_filled(const json_t *object, const char *member);
int64_t rule_int(const json_t *object, const char *member, int64_t fallback);
bool rule_bool(const json_t *object, const char *member);
/* A set for what is distinct in `list`; NULL, which holds nothing, when the list is too short for a
 * double. New. */
json_t *rule_set(const json_t *list);
/* Is `text` in the set? Adds it. Lists from outside are long: members are looked up in sets, never
 * by scanning. */
bool rule_seen(json_t *set, const char *text);
/* From the text of `member` to the (first) item that has it; new, NULL for an empty list. */
json_t *rule_index(const json_t *list, const char *member);
/* Semantic equality: absent, null, {}, [] and "" are equal; quantities are compared as text. */
bool rule_equal(const json_t *a, const json_t *b);
/* Likewise, of objects, but for the members in `except`. */
bool rule_same_except(const json_t *a, const json_t *b, const char *const *except);
bool rule_one_of(const char *text, const char *const *allowed);

/* Details that several kinds use. */
#define RULE_IMMUTABLE    "field is immutable"
#define RULE_NOT_NEGATIVE "must be greater than or equal to 0"
#define RULE_POSITIVE     "must be greater than 0"

/* Checks. Each is satisfied by an absent member unless REQUIRED is said in its name. */
void check_min(struct error *err, const struct path *at, const json_t *object, const char *member,
               int64_t min);
void check_range(struct error *err, const struct path *at, const json_t *object, const char *member,
                 int64_t low, int64_t high);
void check_enum(struct error *err, const struct path *at, const json_t *object, const char *member,
                const char *const *allowed);
/* A missing one is `Required value`. */
void check_enum_required(struct error *err, const struct path *at, const json_t *object,
                         const char *member, const char *const *allowed);
/* A missing one is `Unsupported value: ""`. */
void check_enum_given(struct error *err, const struct path *at, const json_t *object,
                      const char *member, const char *const *allowed);
void check_name(struct error *err, const struct path *at, const json_t *object, const char *member,
                rule_name_fn fn);
/* True when it is there. */
bool check_required(struct error *err, const struct path *at, const json_t *object,
                    const char *member, const char *detail);
void check_name_required(struct error *err, const struct path *at, const json_t *object,
                         const char *member, rule_name_fn fn);
/* A missing one is checked as "". */
void check_name_given(struct error *err, const struct path *at, const json_t *object,
                      const char *member, rule_name_fn fn);
void check_immutable(struct error *err, const struct path *at, const json_t *object,
                     const json_t *old, const char *member);
void check_forbidden(struct error *err, const struct path *at, const json_t *object,
                     const char *member, const char *detail);
void check_max_text(struct error *err, const struct path *at, const json_t *object,
                    const char *member, size_t max);

/* Values that have a form of their own: NULL when fine, else upstream's detail. */
const char *value_check_ip(const char *value);
const char *value_check_cidr(const char *value);
/* A range strictly inside another; false when either is none. */
bool value_cidr_within(const char *inner, const char *outer);
/* Two addresses, or ranges, one of each family. */
bool value_is_dual_stack(const json_t *list);
const char *value_check_port_name(const char *value);
const char *value_check_config_key(const char *value);
size_t value_faults_port_name(const char *value, const char *faults[]);
size_t value_faults_config_key(const char *value, const char *faults[]);
const char *value_check_env_name(const char *value);
const char *value_check_http_header(const char *value);
const char *value_check_wildcard_subdomain(const char *value);
/* "example.com/some/path", which must be there; blames the half that is wrong. */
void check_domain_path(struct error *err, const struct path *at, const json_t *object,
                       const char *member);
/* 1..65535, or a port's name. */
void check_port_or_name(struct error *err, const struct path *path, const json_t *value);

/* Maps and lists that many kinds have. */
void check_labels(struct error *err, const struct path *path, const json_t *labels);
void check_annotation_map(struct error *err, const struct path *path, const json_t *annotations);
/* meta/v1 Conditions: types are distinct; all but the message and observedGeneration must be there.
 */
void check_meta_conditions(struct error *err, const struct path *path, const json_t *conditions);
void check_label_selector(struct error *err, const struct path *path, const json_t *selector);
/* Does the LabelSelector select these labels? False when it is malformed. */
bool rule_selects(const json_t *selector, const json_t *labels);
/* A LabelSelector as Go's %#v shows it; owned. */
char *rule_selector_go(const json_t *selector);
/* map[string]string{"a":"b"}; owned. */
char *rule_map_go(const json_t *map);

/* Defaults: set the member when it is absent or null (text: also when ""). */
void default_text(json_t *object, const char *member, const char *value);
void default_int(json_t *object, const char *member, int64_t value);
void default_bool(json_t *object, const char *member, bool value);
/* Takes nothing; an empty object or list when absent. Returns the member, borrowed. */
json_t *default_object(json_t *object, const char *member);
/* The member if it is an object (a list), else NULL. Borrowed. */
json_t *member_object(const json_t *object, const char *member);
json_t *member_array(const json_t *object, const char *member);
/* Integer 0 counts as absent. */
void default_int_zero(json_t *object, const char *member, int64_t value);

/* Strategies. */
void strategy_drop(json_t *object, const char *member);
/* object[member] = old[member], or absent when old has none. */
void strategy_keep(json_t *object, const json_t *old, const char *member);
/* The usual pair: status is dropped on create; spec updates keep the old status, status updates the
 * old spec. */
void strategy_status_create(json_t *object);
void strategy_status_update(json_t *object, const json_t *old, const char *subresource);
/* The pair for kinds whose status updates keep the old metadata, too: labels, annotations,
 * finalizers and owners. */
void strategy_status_alone(json_t *object, const json_t *old, const char *subresource);
/* Is this an update of /status (or another subresource)? */
static inline bool is_sub(const char *subresource, const char *name)
{
    return subresource && strcmp(subresource, name) == 0;
}
static inline bool is_main(const char *subresource)
{
    return !subresource || !*subresource;
}

/* `for (size_t i...)` over a list that may be NULL. */
#define LIST_EACH(list, i, item)                                                                   \
    for (size_t i = 0; i < json_array_size(list) && ((item) = json_array_get((list), i), true); i++)
/* Over a map that may be NULL and is not changed meanwhile. */
#define MAP_EACH(map, key, value) json_object_foreach (map, key, value)

/* True when the kind has rules of ours: it is built in. */
bool kind_is_built_in(const char *resource);

/* metadata.generation of kinds whose generation does not just follow spec: 1 at first, one more
 * when `changed`. */
void strategy_generation_create(json_t *object);
void strategy_generation_update(json_t *object, const json_t *old, bool changed);
typedef void (*index_add_fn)(void *arg, const char *path, const char *value);
/* `paths`: dotted, NULL-ended; indexed under their own name when they are there. */
void index_paths(const json_t *object, const char *const *paths, index_add_fn add, void *arg);
/* Text, "" when any of the dotted path is missing. Borrowed. Not for numbers. */
const char *rule_text_at(const json_t *object, const char *dotted);
json_t *rule_value_at(const json_t *object, const char *dotted);
