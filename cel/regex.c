/* Regular expressions of RE2's syntax, run by PCRE2 without its JIT. What RE2 lacks is refused, so
 * that a pattern means the same here and there; a match that backtracks too much is done again by
 * the algorithm that does not. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <string.h>

#include "cel/eval.h"

#define PATTERN_MAX   16384
#define COMPILED_MAX  ((size_t)1 << 20)
#define MATCH_LIMIT   100000
#define HEAP_KIB      4096
#define WORKSPACE_MAX 8192
#define REPEAT_MAX    1000

static bool refuse(char *why, const char *text, struct str pattern)
{
    snprintf(why, CEL_REGEX_WHY, "error parsing regexp: %s: `%.*s`", text,
             pattern.len > 60 ? 60 : (int)pattern.len, pattern.data);
    return false;
}

/* `(?` must begin flags, a group without capture or a named one. */
static bool group_fits(struct str rest)
{
    size_t at = 2;
    if (str_starts(rest, STR("(?P<")) || (str_starts(rest, STR("(?<")) && rest.len > 3 &&
                                          rest.data[3] != '=' && rest.data[3] != '!'))
        return true;
    while (at < rest.len && strchr("imsU-", rest.data[at]))
        at++;
    return at < rest.len && (rest.data[at] == ':' || (rest.data[at] == ')' && at > 2));
}

static bool escape_fits(char c)
{
    return c &&
           strchr("AbBzaftnrvdDsSwWpPQEx.\\+*?()|[]{}^$-/01234567\"'`~!@#%&=:;<>, _", c) != NULL;
}

/* {n,m} past what RE2 counts. */
static bool repeat_fits(struct str rest)
{
    unsigned long number = 0;
    for (size_t i = 1; i < rest.len && rest.data[i] != '}'; i++) {
        if (rest.data[i] == ',') {
            number = 0;
            continue;
        }
        if (rest.data[i] < '0' || rest.data[i] > '9')
            return true; /* no repetition */
        number = number * 10 + (unsigned long)(rest.data[i] - '0');
        if (number > REPEAT_MAX)
            return false;
    }
    return true;
}

static bool is_quantifier(char c)
{
    return c == '*' || c == '+' || c == '?' || c == '}';
}

/* Only what RE2 has. */
static bool syntax_fits(struct str pattern, char *why)
{
    bool in_class = false;
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.data[i], next = i + 1 < pattern.len ? pattern.data[i + 1] : '\0';
        struct str rest = {pattern.data + i, pattern.len - i};
        if (c == '\\') {
            bool backwards = next >= '1' && next <= '9' && !in_class;
            if (backwards || !escape_fits(next))
                return refuse(why, "invalid escape sequence",
                              (struct str){rest.data, rest.len > 1 ? 2 : 1});
            i++;
        } else if (in_class) {
            in_class = c != ']';
        } else if (c == '[') {
            in_class = true;
            i += next == '^';
            i += i + 1 < pattern.len && pattern.data[i + 1] == ']';
        } else if (c == '(' && next == '?' && !group_fits(rest)) {
            return refuse(why, "invalid or unsupported Perl syntax",
                          (struct str){rest.data, rest.len > 3 ? 3 : rest.len});
        } else if (c == '(' && next == '*') {
            return refuse(why, "missing argument to repetition operator", STR("*"));
        } else if (c == '{' && !repeat_fits(rest)) {
            return refuse(why, "invalid repeat count", rest);
        } else if (i && next == '+' && is_quantifier(c) &&
                   (c != '}' || memchr(pattern.data, '{', i))) {
            return refuse(why, "invalid nested repetition operator", (struct str){rest.data, 2});
        }
    }
    return true;
}

struct cel_regex *cel_regex_new(struct str pattern, char *why)
{
    int code;
    PCRE2_SIZE offset;
    size_t size;
    if (pattern.len > PATTERN_MAX) {
        snprintf(why, CEL_REGEX_WHY, "error parsing regexp: expression too large");
        return NULL;
    }
    if (!syntax_fits(pattern, why))
        return NULL;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context)
        pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_code *compiled = pcre2_compile(
        (PCRE2_SPTR)(pattern.data ? pattern.data : ""), pattern.len,
        PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &code, &offset, context);
    pcre2_compile_context_free(context);
    if (!compiled) {
        char text[100] = "";
        (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text)); /* cut: fine */
        snprintf(why, CEL_REGEX_WHY, "error parsing regexp: %.100s", text);
        return NULL;
    }
    size = cel_regex_size((struct cel_regex *)compiled);
    if (size > COMPILED_MAX) {
        pcre2_code_free(compiled);
        snprintf(why, CEL_REGEX_WHY, "error parsing regexp: expression too large");
        return NULL;
    }
    return (struct cel_regex *)compiled;
}

void cel_regex_free(struct cel_regex *regex)
{
    pcre2_code_free((pcre2_code *)regex);
}

size_t cel_regex_size(const struct cel_regex *regex)
{
    size_t size = 0;
    (void)pcre2_pattern_info((const pcre2_code *)regex, PCRE2_INFO_SIZE,
                             &size); /* it is compiled */
    return size;
}

static int match(const pcre2_code *code, struct str text, size_t from, pcre2_match_data *data,
                 pcre2_match_context *context)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)(text.data ? text.data : "");
    int result = pcre2_match(code, subject, text.len, from, 0, data, context);
    if (result != PCRE2_ERROR_MATCHLIMIT && result != PCRE2_ERROR_HEAPLIMIT &&
        result != PCRE2_ERROR_DEPTHLIMIT)
        return result;
    int *workspace = try_malloc(WORKSPACE_MAX * sizeof(*workspace));
    if (!workspace)
        return PCRE2_ERROR_NOMEMORY;
    result =
        pcre2_dfa_match(code, subject, text.len, from, 0, data, context, workspace, WORKSPACE_MAX);
    free(workspace);
    return result;
}

int cel_regex_find(struct cel_regex *regex, struct str text, size_t from, size_t span[2])
{
    const pcre2_code *code = (const pcre2_code *)regex;
    pcre2_match_data *data = pcre2_match_data_create(2, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    int result = PCRE2_ERROR_NOMEMORY;
    if (data && context) {
        pcre2_set_match_limit(context, MATCH_LIMIT);
        pcre2_set_heap_limit(context, HEAP_KIB);
        result = match(code, text, from, data, context);
    }
    if (result >= 0) {
        const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(data);
        span[0] = ends[0];
        span[1] = ends[1];
    }
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    return result >= 0 ? 1 : result == PCRE2_ERROR_NOMATCH ? 0 : -1;
}
