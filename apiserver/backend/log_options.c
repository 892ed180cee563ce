/* What may be asked of a Pod's log. Source: pkg/apis/core/validation, ValidatePodLogOptions. */
#include "apiserver/backend/tunnel.h"

#include "base/parse.h"

static const struct limit_row {
    const char *name;
    int64_t min;
    const char *detail;
} limits[] = {
    {"tailLines", 0, "must be greater than or equal to 0"},
    {"limitBytes", 1, "must be greater than 0"},
    {"sinceSeconds", 1, "must be greater than 0"},
};

static bool is_given(const char *text)
{
    return text && *text;
}

enum step_result step_log_options(struct request *request)
{
    struct error *err = &request->error;
    bool both = is_given(route_arg(&request->route, "sinceTime")) &&
                is_given(route_arg(&request->route, "sinceSeconds"));
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        const char *text = route_arg(&request->route, limits[i].name);
        int64_t value;
        if (!is_given(text))
            continue;
        if (!parse_i64(str_of(text), INT64_MIN, INT64_MAX, &value)) {
            error_bad_request(err, "strconv.ParseInt: parsing \"%s\": invalid syntax", text);
            return STEP_FAIL;
        }
        if (value < limits[i].min)
            error_add_cause(err, CAUSE_INVALID, limits[i].name, "Invalid value: %lld: %s",
                            (long long)value, limits[i].detail);
    }
    if (both)
        error_add_forbidden(err, "[]", /* a path without a name */
                            "at most one of `sinceTime` or `sinceSeconds` may be specified");
    return error_seal_invalid(err, "PodLogOptions", "", request->route.name) ? STEP_NEXT
                                                                             : STEP_FAIL;
}
