/* host/network/ruleset.h: what NetworkPolicies mean for the Pods of this node, as data.
 *
 * For each tier and direction some of the Pods have a choice: the policies that are about them. A
 * packet of theirs passes when a line of one of those policies fits it; Pods without a choice take
 * anything. Sets are shared by all lines that say the same. Frozen once ruleset_decide() has filled
 * it. */
#pragma once
#include "base/buf.h"
#include "base/strmap.h"
#include "host/network/address_set.h"
#include "host/network/network_policy.h"

/* Hexadecimal ones of a hash that stands for something in a name: so many that nobody finds two
 * things of one hash. */
#define RULESET_DIGITS 40

/* Ports, of any Pod (address 0) or of one. */
struct ruleset_port {
    uint32_t address;
    uint32_t protocol;
    uint16_t first, last;
};

enum ruleset_kind { RULESET_PEERS, RULESET_PORTS, RULESET_POD_PORTS };

/* What the operator says of a Pod and what its tenant says are judged apart, and both must let a
 * packet pass: no tenant opens again what the operator closed. */
enum ruleset_tier { RULESET_OPERATOR, RULESET_TENANT, RULESET_TIERS };

struct ruleset_set {
    enum ruleset_kind kind;
    char name[2 + RULESET_DIGITS + 1]; /* says what is in it: two of one name are the same */
    struct address_set addresses;      /* sealed; peers only */
    struct ruleset_port *ports;        /* in order; those of one Pod are single ones */
    size_t port_count;
};

/* What holds of a packet that may pass: all of it. */
struct ruleset_line {
    const struct ruleset_set *peers; /* the other side's address; NULL: any */
    const struct ruleset_set *ports; /* where it goes to; NULL: any */
};

struct ruleset_policy {
    char *name; /* of its chain: "in-NAMESPACE/NAME" */
    struct ruleset_line *lines;
    size_t line_count;
};

struct ruleset_choice {
    const struct ruleset_policy **policies;
    size_t count;
};

struct ruleset_pod {
    uint32_t address;
    size_t choice; /* its place in the side's choices */
};

struct ruleset_side {
    struct ruleset_policy **policies;
    struct ruleset_choice *choices;
    struct ruleset_pod *pods;
    size_t policy_count, choice_count, pod_count;
};

struct ruleset {
    struct ruleset_side sides[RULESET_TIERS][POLICY_DIRECTIONS];
    struct ruleset_set **sets;
    size_t set_count;
    struct strmap by_name;    /* of the sets; borrowed */
    struct address_set known; /* of all Pods here; sealed */
    size_t cut_short;         /* clusters whose policies ask for too much */
};

/* What is left is empty and usable. */
void ruleset_clear(struct ruleset *ruleset);
/* The set that says what `set` does, made of it or there before. Takes what `set` holds; its ports
 * are put in order and made one where they overlap. */
const struct ruleset_set *ruleset_share(struct ruleset *ruleset, struct ruleset_set *set);
