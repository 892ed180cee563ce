/* Probes and life cycle handlers: exactly one way of asking, and how often. */
#include "schema/kinds/pod.h"

static const char *const schemes[] = {"HTTP", "HTTPS", NULL};

static void check_exec(struct error *err, const struct path *at, const json_t *action,
                       const json_t *spec)
{
    (void)spec;
    check_required(err, at, action, "command", NULL);
}

static void check_http(struct error *err, const struct path *at, const json_t *action,
                       const json_t *spec)
{
    const json_t *header;
    (void)spec;
    check_required(err, at, action, "path", NULL);
    check_port_or_name(err, PATH(at, "port"), json_object_get(action, "port"));
    check_enum_given(err, at, action, "scheme", schemes);
    LIST_EACH (member_array(action, "httpHeaders"), i, header) {
        const char *name = rule_text(header, "name"), *wrong = value_check_http_header(name);
        if (wrong)
            rule_invalid_text(err, PATH(at, "httpHeaders"), name, wrong);
    }
}

static void check_tcp(struct error *err, const struct path *at, const json_t *action,
                      const json_t *spec)
{
    (void)spec;
    check_port_or_name(err, PATH(at, "port"), json_object_get(action, "port"));
}

static void check_grpc(struct error *err, const struct path *at, const json_t *action,
                       const json_t *spec)
{
    (void)spec;
    check_port_or_name(err, PATH(at, "port"), json_object_get(action, "port"));
}

static void check_sleep(struct error *err, const struct path *at, const json_t *action,
                        const json_t *spec)
{
    int64_t grace = rule_int(spec, "terminationGracePeriodSeconds", 30),
            seconds = rule_int(action, "seconds", 0);
    if (seconds < 1 || seconds > grace) {
        json_auto_t *shown = json_integer(seconds);
        rule_invalid(
            err, at, shown,
            "must be greater than 0 and less than terminationGracePeriodSeconds (%lld). Enable "
            "AllowPodLifecycleSleepActionZeroValue feature gate for zero sleep.",
            (long long)grace);
    }
}

static const struct handler {
    const char *member;
    void (*check)(struct error *err, const struct path *at, const json_t *action,
                  const json_t *spec);
} handlers[] = {
    {"exec", check_exec}, {"httpGet", check_http}, {"tcpSocket", check_tcp},
    {"grpc", check_grpc}, {"sleep", check_sleep},
};

static void check_handler(struct error *err, const struct path *at, const json_t *holder,
                          const json_t *spec)
{
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
        const json_t *action = member_object(holder, handlers[i].member);
        if (!action)
            continue;
        if (count++)
            rule_forbidden(err, PATH(at, handlers[i].member),
                           "may not specify more than 1 handler type");
        else
            handlers[i].check(err, PATH(at, handlers[i].member), action, spec);
    }
    if (count == 0)
        rule_required(err, at, "must specify a handler type");
}

static void check_probe(struct error *err, const struct path *at, const json_t *probe,
                        const json_t *spec)
{
    static const char *const numbers[] = {"initialDelaySeconds", "timeoutSeconds", "periodSeconds",
                                          "successThreshold", "failureThreshold"};
    const json_t *grace = json_object_get(probe, "terminationGracePeriodSeconds");
    check_handler(err, at, probe, spec);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        check_min(err, at, probe, numbers[i], 0);
    if (json_is_integer(grace) && json_integer_value(grace) <= 0)
        rule_invalid(err, PATH(at, "terminationGracePeriodSeconds"), grace, RULE_POSITIVE);
}

static const struct probe_row {
    const char *member;
    bool once,
        no_grace; /* successThreshold must be 1; terminationGracePeriodSeconds may not be set */
} probe_rows[] = {
    {"livenessProbe", true, false},
    {"readinessProbe", false, true},
    {"startupProbe", true, false},
};

void check_probes(struct error *err, const struct path *at, const json_t *container,
                  const json_t *spec)
{
    for (size_t i = 0; i < ARRAY_LEN(probe_rows); i++) {
        const json_t *probe = member_object(container, probe_rows[i].member);
        const struct path *path = PATH(at, probe_rows[i].member);
        if (!probe)
            continue;
        check_probe(err, path, probe, spec);
        if (probe_rows[i].once && rule_int(probe, "successThreshold", 0) != 1)
            rule_invalid(err, PATH(path, "successThreshold"),
                         json_object_get(probe, "successThreshold"), "must be 1");
        if (probe_rows[i].no_grace && rule_has(probe, "terminationGracePeriodSeconds"))
            rule_invalid(err, PATH(path, "terminationGracePeriodSeconds"),
                         json_object_get(probe, "terminationGracePeriodSeconds"),
                         "must not be set for readinessProbes");
    }
}

void check_lifecycle(struct error *err, const struct path *path, const json_t *lifecycle,
                     const json_t *spec)
{
    if (rule_has(lifecycle, "postStart"))
        check_handler(err, PATH(path, "postStart"), json_object_get(lifecycle, "postStart"), spec);
    if (rule_has(lifecycle, "preStop"))
        check_handler(err, PATH(path, "preStop"), json_object_get(lifecycle, "preStop"), spec);
}
