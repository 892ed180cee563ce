/* host/network/policy_rules.h: what NetworkPolicies mean for the Pods of this node, as data.
 *
 * For each tier and direction some of the Pods have a choice: the policies that are about them. A
 * packet of theirs passes when a line of one of those policies fits it; Pods without a choice take
 * anything. Sets are shared by all lines that say the same. Frozen once policy_rules_decide() has
 * filled it. */
#pragma once
#include "base/buf.h"
#include "base/strmap.h"
#include "host/network/address_set.h"
#include "host/network/network_policy.h"

/* Hexadecimal ones of a hash that stands for something in a name: so many that nobody finds two
 * things of one hash. */
#define POLICY_DIGITS 40

/* Ports, of any Pod (address 0) or of one. */
struct policy_port {
    uint32_t address;
    uint32_t protocol;
    uint16_t first, last;
};

enum policy_set_kind { POLICY_PEERS, POLICY_PORTS, POLICY_POD_PORTS };

/* What the operator says of a Pod and what its tenant says are judged apart, and both must let a
 * packet pass: no tenant opens again what the operator closed. */
enum policy_tier { POLICY_OPERATOR, POLICY_TENANT, POLICY_TIERS };

struct policy_set {
    enum policy_set_kind kind;
    char name[2 + POLICY_DIGITS + 1]; /* says what is in it: two of one name are the same */
    struct address_set addresses;     /* sealed; peers only */
    struct policy_port *ports;        /* in order; those of one Pod are single ones */
    size_t port_count;
};

/* What holds of a packet that may pass: all of it. */
struct policy_line {
    const struct policy_set *peers; /* the other side's address; NULL: any */
    const struct policy_set *ports; /* where it goes to; NULL: any */
};

struct policy_chain {
    char *name; /* of its chain: "in-NAMESPACE/NAME" */
    struct policy_line *lines;
    size_t line_count;
};

struct policy_choice {
    const struct policy_chain **policies;
    size_t count;
};

struct policy_pod {
    uint32_t address;
    size_t choice; /* its place in the side's choices */
};

struct policy_side {
    struct policy_chain **policies;
    struct policy_choice *choices;
    struct policy_pod *pods;
    size_t policy_count, choice_count, pod_count;
};

struct policy_rules {
    struct policy_side sides[POLICY_TIERS][POLICY_DIRECTIONS];
    struct policy_set **sets;
    size_t set_count;
    struct strmap by_name;    /* of the sets; borrowed */
    struct address_set known; /* of all Pods here; sealed */
    bool any;                 /* is there a policy, be it about no Pod of today */
    size_t cut_short;         /* clusters whose policies ask for too much */
};

/* What is left is empty and usable. */
void policy_rules_clear(struct policy_rules *rules);
/* The set that says what `set` does, made of it or there before. Takes what `set` holds; its ports
 * are put in order and made one where they overlap. */
const struct policy_set *policy_rules_share(struct policy_rules *rules, struct policy_set *set);
