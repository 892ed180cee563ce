/* One pointer per resource name: comparing resources is comparing pointers. Bounded by what schemas
 * name. */
#include "store/store.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/strmap.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct strmap names; /* guarded by lock; name → the copy that everybody gets */

const char *store_intern(const char *resource)
{
    pthread_rwlock_rdlock(&lock);
    const char *found = strmap_get(&names, resource);
    pthread_rwlock_unlock(&lock);
    if (found)
        return found;
    pthread_rwlock_wrlock(&lock);
    found = strmap_get(&names, resource);
    if (!found) {
        char *copy = xstrdup(resource);
        strmap_put(&names, copy, copy);
        found = copy;
    }
    pthread_rwlock_unlock(&lock);
    return found;
}
