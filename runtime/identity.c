/* Users and groups of a container, from its image's user, the caller's wishes and its own /etc
 * files. */
#include "runtime/identity.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/parse.h"
#include "runtime/rootpath.h"

#define FILE_BYTES_MAX ((size_t)4 << 20)

struct passwd_row {
    struct str name, home;
    int64_t uid, gid;
};

void identity_clear(struct identity *identity)
{
    free(identity->home);
    *identity = (struct identity){0};
}

static bool parse_id(struct str text, int64_t *id)
{
    return parse_i64(text, 0, IDENTITY_ID_MAX, id);
}

/* An /etc file, or an empty text when there is none. */
static bool read_table(int root, const char *path, struct buf *out, struct error *err)
{
    if (rootpath_read(root, path, out, err))
        return true;
    if (err->reason != ERROR_NOT_FOUND)
        return false;
    error_clear(err);
    return true;
}

/* name:password:uid:gid:gecos:home:shell. Malformed lines are no users. */
static bool parse_passwd(struct str line, struct passwd_row *row)
{
    row->name = str_cut(&line, ':');
    (void)str_cut(&line, ':');
    bool ok = parse_id(str_cut(&line, ':'), &row->uid) && parse_id(str_cut(&line, ':'), &row->gid);
    (void)str_cut(&line, ':');
    row->home = str_cut(&line, ':');
    return ok && row->name.len;
}

/* The first row of that name, or else of that uid. */
static bool find_user(struct str table, struct str name, int64_t uid, struct passwd_row *found)
{
    while (table.data) {
        struct passwd_row row;
        if (!parse_passwd(str_cut(&table, '\n'), &row))
            continue;
        if (name.len ? str_eq(row.name, name) : row.uid == uid) {
            *found = row;
            return true;
        }
    }
    return false;
}

/* name:password:gid:members */
static bool parse_group(struct str line, struct str *name, int64_t *gid, struct str *members)
{
    *name = str_cut(&line, ':');
    (void)str_cut(&line, ':');
    bool ok = parse_id(str_cut(&line, ':'), gid);
    *members = str_cut(&line, ':');
    return ok && name->len;
}

static bool find_group(struct str table, struct str wanted, int64_t *gid)
{
    while (table.data) {
        struct str name, members;
        int64_t id;
        if (parse_group(str_cut(&table, '\n'), &name, &id, &members) && str_eq(name, wanted)) {
            *gid = id;
            return true;
        }
    }
    return false;
}

static bool add_group(struct identity *identity, int64_t gid, struct error *err)
{
    for (size_t i = 0; i < identity->group_count; i++)
        if (identity->groups[i] == (gid_t)gid)
            return true;
    if (identity->group_count == IDENTITY_GROUPS_MAX)
        return error_set(err, ERROR_INVALID, "more than %d supplementary groups",
                         IDENTITY_GROUPS_MAX);
    identity->groups[identity->group_count++] = (gid_t)gid;
    return true;
}

static bool list_has(struct str members, struct str name)
{
    while (members.data)
        if (str_eq(str_trim(str_cut(&members, ',')), name))
            return true;
    return false;
}

static bool add_memberships(struct str table, struct str user, struct identity *identity,
                            struct error *err)
{
    while (user.len && table.data) {
        struct str name, members;
        int64_t gid;
        if (parse_group(str_cut(&table, '\n'), &name, &gid, &members) && list_has(members, user) &&
            !add_group(identity, gid, err))
            return false;
    }
    return true;
}

/* The user half of "user:group". A number need not be in the file. */
static bool choose_user(struct str table, struct str wanted, int64_t uid, struct passwd_row *row,
                        struct error *err)
{
    bool number = uid >= 0 || wanted.len == 0 || parse_id(wanted, &uid);
    if (uid < 0 && wanted.len == 0)
        uid = 0;
    if (number && uid > IDENTITY_ID_MAX)
        return error_set(err, ERROR_INVALID, "user id %lld is out of range", (long long)uid);
    if (number) {
        if (!find_user(table, (struct str){0}, uid, row))
            *row = (struct passwd_row){.uid = uid};
        return true;
    }
    if (find_user(table, wanted, 0, row))
        return true;
    return error_set(err, ERROR_INVALID,
                     "unable to find user " STR_FMT ": no matching entries in passwd file",
                     STR_ARG(wanted));
}

static bool choose_group(struct str table, struct str wanted, int64_t gid, int64_t *out,
                         struct error *err)
{
    if (gid > IDENTITY_ID_MAX)
        return error_set(err, ERROR_INVALID, "group id %lld is out of range", (long long)gid);
    if (gid >= 0)
        *out = gid;
    else if (wanted.len && !parse_id(wanted, out) && !find_group(table, wanted, out))
        return error_set(err, ERROR_INVALID,
                         "unable to find group " STR_FMT ": no matching entries in group file",
                         STR_ARG(wanted));
    return true;
}

bool identity_resolve(int root, const struct identity_request *request, struct identity *identity,
                      struct error *err)
{
    CLEANUP(buf_free) struct buf passwd = BUF_INIT(FILE_BYTES_MAX);
    CLEANUP(buf_free) struct buf groups = BUF_INIT(FILE_BYTES_MAX);
    CLEANUP(identity_clear) struct identity made = {0};
    struct passwd_row row = {0};
    struct str group = str_of(request->image_user), user = str_cut(&group, ':');
    if (request->uid >= 0) /* the image's group belongs to the image's user */
        group = user = (struct str){0};
    if (!read_table(root, "/etc/passwd", &passwd, err) ||
        !read_table(root, "/etc/group", &groups, err) ||
        !choose_user(buf_str(&passwd), user, request->uid, &row, err) ||
        !choose_group(buf_str(&groups), group, request->gid, &row.gid, err))
        return false;
    made.uid = (uid_t)row.uid;
    made.gid = (gid_t)row.gid;
    made.home = row.home.len ? str_dup(row.home) : xstrdup("/");
    for (size_t i = 0; i < request->group_count; i++)
        if (request->groups[i] < 0 || request->groups[i] > IDENTITY_ID_MAX)
            return error_set(err, ERROR_INVALID, "group id %lld is out of range",
                             (long long)request->groups[i]);
        else if (!add_group(&made, request->groups[i], err))
            return false;
    if (!add_memberships(buf_str(&groups), row.name, &made, err))
        return false;
    *identity = made;
    made = (struct identity){0};
    return true;
}
