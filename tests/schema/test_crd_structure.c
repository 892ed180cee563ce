/* What the schemas of CustomResourceDefinitions may say: what upstream refuses, in its words and
 * order, and what it lets be. */
#include <string.h>

#include "base/mem.h"
#include "tests/schema/support_kind.h"
#include "tests/test.h"

#define CRDS "customresourcedefinitions.apiextensions.k8s.io"

/* "<" stands for the path of the schema, "+" for "must be empty to be structural". */
static const struct schema_row {
    const char *name;
    const char *schema; /* the members of the whole; with "status" a subresource, where it begins
                           with "!" */
    const char *causes;
} rows[] = {
    /* clang-format off */
    {"an object", "'type':'object'", ""},
    {"no type", "'properties':{'a':{'type':'string'}}", "<.type: Required value: must not be empty at the root"},
    {"no type, but all is kept", "'x-kubernetes-preserve-unknown-fields':true", ""},
    {"another type", "'type':'string'", "<.type: Invalid value: 'string': must be object at the root"},
    {"a type that is none", "'type':'object','properties':{'a':{'type':'text'}}",
     "<.properties[a].type: Unsupported value: 'text': supported values: 'array', 'boolean', 'integer', 'number', 'object', 'string'"},
    {"null", "'type':'object','properties':{'a':{'type':'null'}}",
     "<.properties[a].type: Unsupported value: 'null': supported values: 'array', 'boolean', 'integer', 'number', 'object', 'string'\n"
     "<.properties[a].type: Forbidden: type cannot be set to null, use nullable as an alternative"},
    {"fields and items of no type", "'type':'object','properties':{'b':{},'a':{'type':'array','items':{}},'m':{'type':'object','additionalProperties':{}}}",
     "<.properties[a].items.type: Required value: must not be empty for specified array items\n"
     "<.properties[b].type: Required value: must not be empty for specified object fields\n"
     "<.properties[m].additionalProperties.type: Required value: must not be empty for specified object fields"},
    {"a list of nothing", "'type':'object','properties':{'a':{'type':'array'}}", "<.properties[a].items: Required value: must be specified"},
    {"nullable", "'type':'object','nullable':true", "<.nullable: Forbidden: nullable cannot be true at the root"},
    {"a map", "'type':'object','additionalProperties':{'type':'string'}", "<.additionalProperties: Forbidden: must not be used at the root"},
    {"a map and fields", "'type':'object','properties':{'a':{'type':'object','additionalProperties':{'type':'string'},'properties':{'b':{'type':'string'}}}}",
     "<.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive"},
    {"a closed map", "'type':'object','properties':{'a':{'type':'object','additionalProperties':false}}", ""},

    /* What OpenAPI has and Kubernetes has not; nothing is said of the structure then. */
    {"others", "'id':'x','$ref':'y','additionalItems':true,'patternProperties':{'a':{'type':'string'}},'definitions':{'a':{}},'dependencies':{'a':['b']}",
     "<.id: Forbidden: id is not supported\n<.additionalItems: Forbidden: additionalItems is not supported\n"
     "<.patternProperties: Forbidden: patternProperties is not supported\n<.definitions: Forbidden: definitions is not supported\n"
     "<.dependencies: Forbidden: dependencies is not supported\n<.$ref: Forbidden: $ref is not supported"},
    {"$schema", "'type':'object','$schema':'x'", "<: Invalid value: '': OpenAPIV3Schema 'schema' is not supported"},
    {"items by place", "'type':'object','properties':{'a':{'type':'array','items':[{'type':'string'}]}}",
     "<.properties[a].items: Forbidden: items must be a schema object and not an array"},
    {"unique items", "'type':'object','properties':{'a':{'type':'array','uniqueItems':true,'items':{'type':'string'}}}",
     "<.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"},
    {"nothing is kept", "'type':'object','x-kubernetes-preserve-unknown-fields':false",
     "<.x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined"},

    /* What only narrows down. */
    {"in alternatives", "'type':'object','properties':{'a':{'type':'object','anyOf':[{'type':'object','title':'t','description':'d','default':{},'nullable':true,"
     "'additionalProperties':{'type':'string'},'externalDocs':{'url':'u'}}]}}",
     "<.properties[a].anyOf[0].additionalProperties: Forbidden: must be undefined to be structural\n"
     "<.properties[a].anyOf[0].default: Forbidden: must be undefined to be structural\n"
     "<.properties[a].anyOf[0].description: Forbidden: +\n"
     "<.properties[a].anyOf[0].externalDocs: Forbidden: must be undefined to be structural\n"
     "<.properties[a].anyOf[0].nullable: Forbidden: must be false to be structural\n"
     "<.properties[a].anyOf[0].title: Forbidden: +\n<.properties[a].anyOf[0].type: Forbidden: +"},
    {"extensions in others", "'type':'object','properties':{'a':{'type':'object'},'l':{'type':'array','items':{'type':'string'}}},"
     "'allOf':[{'x-kubernetes-preserve-unknown-fields':true}],'oneOf':[{'x-kubernetes-embedded-resource':true}],"
     "'not':{'x-kubernetes-int-or-string':true,'x-kubernetes-validations':[{'rule':'true'}]}",
     "<.allOf[0].x-kubernetes-preserve-unknown-fields: Forbidden: must be false to be structural\n"
     "<.not.x-kubernetes-int-or-string: Forbidden: must be false to be structural\n<.not.x-kubernetes-validations: Forbidden: +\n"
     "<.oneOf[0].x-kubernetes-embedded-resource: Forbidden: must be false to be structural"},
    {"fields that are not there", "'type':'object','properties':{'a':{'type':'object','properties':{'b':{'type':'string'}}},'l':{'type':'array','items':{'type':'object'}}},"
     "'anyOf':[{'properties':{'a':{'properties':{'b':{'minLength':1},'c':{'minLength':1}}}}},{'properties':{'l':{'items':{'properties':{'x':{'minimum':1}}}}}}],"
     "'not':{'allOf':[{'properties':{'z':{'enum':['x']}}}]}",
     "<.properties[a].properties[c]: Required value: because it is defined in <.anyOf[0].properties[a].properties[c]\n"
     "<.properties[l].items.properties[x]: Required value: because it is defined in <.anyOf[1].properties[l].items.properties[x]\n"
     "<.properties[z]: Required value: because it is defined in <.not.allOf[0].properties[z]"},
    {"fields of a map", "'type':'object','properties':{'m':{'type':'object','additionalProperties':{'type':'string'}}},'anyOf':[{'properties':{'m':{'properties':{'a':{'minLength':1}}}}}]",
     "<.properties[m].properties[a]: Required value: because it is defined in <.anyOf[0].properties[m].properties[a]"},
    {"fields narrowed where they stand", "'type':'object','properties':{'m':{'type':'object','anyOf':[{'properties':{'a':{'minLength':1}}}]}}", ""},
    {"only narrowed", "'type':'object','properties':{'a':{'type':'string'},'b':{'type':'integer'}},'oneOf':[{'required':['a']},{'required':['b'],'properties':{'b':{'minimum':1}}}],"
     "'not':{'required':['a','b']},'allOf':[{'anyOf':[{'properties':{'a':{'pattern':'^x'}}}]}]", ""},
    {"metadata is not narrowed", "'type':'object','properties':{'metadata':{'type':'object'}},'anyOf':[{'properties':{'metadata':{'required':['labels']}}}]",
     "<.anyOf[0].properties[metadata]: Forbidden: must not be specified in a nested context"},

    /* Numbers or texts. */
    {"either", "'type':'object','properties':{'a':{'x-kubernetes-int-or-string':true},"
     "'b':{'x-kubernetes-int-or-string':true,'anyOf':[{'type':'integer'},{'type':'string'}]},"
     "'c':{'x-kubernetes-int-or-string':true,'pattern':'^[0-9]+%?$','allOf':[{'anyOf':[{'type':'integer'},{'type':'string'}]},{'maxLength':9}]}}", ""},
    {"either, otherwise said", "'type':'object','properties':{'a':{'x-kubernetes-int-or-string':true,'anyOf':[{'type':'string'},{'type':'integer'}]}}",
     "<.properties[a].anyOf[0].type: Forbidden: +\n<.properties[a].anyOf[1].type: Forbidden: +"},
    {"either, and more", "'type':'object','properties':{'a':{'type':'object','x-kubernetes-int-or-string':true,'x-kubernetes-preserve-unknown-fields':true,'x-kubernetes-embedded-resource':true}}",
     "<.properties[a].x-kubernetes-embedded-resource: Invalid value: true: must be false if x-kubernetes-int-or-string is true\n"
     "<.properties[a].x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if x-kubernetes-int-or-string is true"},

    /* What every resource has. */
    {"names", "'type':'object','properties':{'metadata':{'type':'object','properties':{'name':{'type':'string','maxLength':9},'generateName':{'type':'string'}}}}", ""},
    {"labels", "'type':'object','properties':{'metadata':{'type':'object','properties':{'labels':{'type':'object'}}}}",
     "<.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified"},
    {"a description of metadata", "'type':'object','properties':{'metadata':{'type':'object','description':'x'}}",
     "<.properties[metadata]: Forbidden: must not specify anything other than"},
    {"other heads", "'type':'object','properties':{'kind':{'type':'integer'},'apiVersion':{'type':'object'},'metadata':{'type':'array','items':{'type':'string'}}}",
     "<.properties[apiVersion].type: Invalid value: 'object': must be string\n<.properties[kind].type: Invalid value: 'integer': must be string\n"
     "<.properties[metadata].type: Invalid value: 'array': must be object\n<.properties[metadata]: Forbidden: must not specify"},
    {"defaults of heads", "'type':'object','properties':{'kind':{'type':'string','default':'X'}}", "<.properties[kind].default: Forbidden: must not be set in top-level kind"},
    {"embedded", "'type':'object','properties':{'a':{'type':'object','x-kubernetes-embedded-resource':true,'x-kubernetes-preserve-unknown-fields':true},"
     "'b':{'type':'object','x-kubernetes-embedded-resource':true,'properties':{'metadata':{'type':'object','properties':{'labels':{'type':'object','additionalProperties':{'type':'string'}}}}}}}", ""},
    {"embedded nothing", "'type':'object','properties':{'a':{'type':'object','x-kubernetes-embedded-resource':true}}",
     "<.properties[a].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"},
    {"embedded others", "'type':'object','properties':{'a':{'type':'string','x-kubernetes-embedded-resource':true,'x-kubernetes-preserve-unknown-fields':true},"
     "'b':{'x-kubernetes-embedded-resource':true,'x-kubernetes-preserve-unknown-fields':true},"
     "'c':{'type':'object','x-kubernetes-embedded-resource':true,'x-kubernetes-preserve-unknown-fields':true,'additionalProperties':{'type':'string'}}}",
     "<.properties[a].type: Invalid value: 'string': must be object if x-kubernetes-embedded-resource is true\n"
     "<.properties[b].type: Required value: must be object if x-kubernetes-embedded-resource is true\n"
     "<.properties[c].additionalProperties: Forbidden: must not be used if x-kubernetes-embedded-resource is set"},
    {"embedded in metadata", "'type':'object','properties':{'a':{'type':'object','x-kubernetes-embedded-resource':true,'properties':{'metadata':{'type':'object',"
     "'properties':{'x':{'type':'object','x-kubernetes-embedded-resource':true,'x-kubernetes-preserve-unknown-fields':true}}}}}}",
     "<.properties[a].properties[metadata].properties[x].x-kubernetes-embedded-resource: Forbidden: must not be used inside of resource meta"},
    {"defaults in maps of metadata", "'type':'object','properties':{'a':{'type':'object','x-kubernetes-embedded-resource':true,'properties':{'metadata':{'type':'object',"
     "'properties':{'labels':{'type':'object','additionalProperties':{'type':'string','default':'x'}}}}}}}",
     "<.properties[a].properties[metadata].properties[labels].additionalProperties.default: Forbidden: must not be set inside additionalProperties applying to object metadata"},

    /* How lists and maps are merged. */
    {"merged", "'type':'object','properties':{'s':{'type':'array','x-kubernetes-list-type':'set','items':{'type':'string'}},'m':{'type':'object','x-kubernetes-map-type':'granular'},"
     "'l':{'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['k'],'items':{'type':'object','required':['k'],'properties':{'k':{'type':'string'}}}},"
     "'o':{'type':'array','x-kubernetes-list-type':'set','items':{'type':'object','x-kubernetes-map-type':'atomic'}}}", ""},
    {"merged as nothing", "'type':'object','properties':{'s':{'type':'array','x-kubernetes-list-type':'bag','items':{'type':'string'}},'m':{'type':'object','x-kubernetes-map-type':'fine'}}",
     "<.properties[s].x-kubernetes-list-type: Unsupported value: 'bag': supported values: 'atomic', 'set', 'map'\n"
     "<.properties[m].x-kubernetes-map-type: Unsupported value: 'fine': supported values: 'atomic', 'granular'"},
    {"merged as another", "'type':'object','properties':{'s':{'type':'object','x-kubernetes-list-type':'set'},'m':{'type':'string','x-kubernetes-map-type':'atomic'}}",
     "<.properties[s].type: Invalid value: 'object': must be array if x-kubernetes-list-type is specified\n"
     "<.properties[m].type: Invalid value: 'string': must be object if x-kubernetes-map-type is specified"},
    {"sets of what is merged", "'type':'object','properties':{'a':{'type':'array','x-kubernetes-list-type':'set','items':{'type':'object'}},"
     "'b':{'type':'array','x-kubernetes-list-type':'set','items':{'type':'array','x-kubernetes-list-type':'set','items':{'type':'string'}}}}",
     "<.properties[a].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set\n"
     "<.properties[b].items.x-kubernetes-list-type: Invalid value: 'set': must be atomic as item of a list with x-kubernetes-list-type=set"},
    {"keys of no map", "'type':'object','properties':{'a':{'type':'array','x-kubernetes-list-map-keys':['k'],'items':{'type':'object','properties':{'k':{'type':'string'}}}},"
     "'b':{'type':'array','x-kubernetes-list-type':'set','x-kubernetes-list-map-keys':['k'],'items':{'type':'string'}}}",
     "<.properties[a].x-kubernetes-list-type: Required value: must be map if x-kubernetes-list-map-keys is non-empty\n"
     "<.properties[b].x-kubernetes-list-type: Invalid value: 'set': must be map if x-kubernetes-list-map-keys is non-empty"},
    {"a map of no keys", "'type':'object','properties':{'a':{'type':'array','x-kubernetes-list-type':'map','items':{'type':'string'}}}",
     "<.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map\n"
     "<.properties[a].items.type: Invalid value: 'string': must be object if parent array's x-kubernetes-list-type is map"},
    {"odd keys", "'type':'object','properties':{'a':{'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['k','k','o','z'],'items':{'type':'object','nullable':true,"
     "'required':['o'],'properties':{'k':{'type':'string','nullable':true},'o':{'type':'object'}}}}}",
     "<.properties[a].x-kubernetes-list-map-keys: Invalid value: []string{'k', 'k', 'o', 'z'}: must not contain duplicate entries\n"
     "<.properties[a].items.properties[o].type: Invalid value: 'object': must be a scalar type if parent array's x-kubernetes-list-type is map\n"
     "<.properties[a].x-kubernetes-list-map-keys: Invalid value: []string{'k', 'k', 'o', 'z'}: entries must all be names of item properties\n"
     "<.properties[a].items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is map\n"
     "<.properties[a].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property\n"
     "<.properties[a].items.properties[k].nullable: Forbidden: this property is in x-kubernetes-list-map-keys, so it cannot be nullable\n"
     "<.properties[a].items.properties[k].default: Required value: this property\n<.properties[a].items.properties[k].nullable: Forbidden: this property"},

    /* With a status of its own. */
    {"all that may be said of the whole", "!'type':'object','description':'d','title':'t','required':['spec'],'properties':{'spec':{'type':'object'}},"
     "'x-kubernetes-preserve-unknown-fields':true,'x-kubernetes-validations':[{'rule':'has(self.spec)'}]", ""},
    {"alternatives of the whole", "!'type':'object','properties':{'a':{'type':'string'}},'anyOf':[{'required':['a']}]",
     "<: Invalid value: {'type':'object','properties':{'a':{'type':'string'}},'anyOf':[{'required':['a']}]}: only [Description Type Format Title Maximum ExclusiveMaximum Minimum"},
    {"a map, with a status", "!'type':'object','additionalProperties':{'type':'string'}",
     "<: Invalid value: {'type':'object','additionalProperties':{'type':'string'}}: only [\n<.additionalProperties: Forbidden: must not be used at the root"},
    {"another type, with a status", "!'type':'string'",
     "<.type: Invalid value: 'string': only 'object' is allowed as the type at the root of the schema if the status subresource is enabled\n"
     "<.type: Invalid value: 'string': must be object at the root"},
    /* clang-format on */
};

/* `text` with "<" and "+" put in. */
static char *spelled(const char *text)
{
    struct buf out = BUF_TEXT;
    for (; *text; text++)
        if (*text == '<')
            buf_add_text(&out, "spec.validation.openAPIV3Schema");
        else if (*text == '+')
            buf_add_text(&out, "must be empty to be structural");
        else
            buf_add_char(&out, *text);
    return buf_take(&out);
}

static void test_schemas(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct schema_row *row = &rows[i];
        bool status = *row->schema == '!';
        CLEANUP(free_ptr) char *causes = spelled(row->causes);
        CLEANUP(free_ptr)
        char *object = xasprintf(
            "{'metadata':{'name':'foos.a.b'},'spec':{'group':'a.b','scope':'Cluster','names':{'"
            "plural':'foos','kind':'Foo'},'versions':[{'name':'v1','served':true,'storage':true,"
            "'subresources':{%s},'schema':{'openAPIV3Schema':{%s}}}]}}",
            status ? "'status':{}" : "", row->schema + status);
        const struct kind_case made = {
            .name = row->name, .resource = CRDS, .object = object, .causes = causes};
        kind_check(&made, 1);
    }
}

#define VERSION(name, rest)                                                                        \
    "{'name':'" name "','served':true,'storage':true" rest                                         \
    ",'schema':{'openAPIV3Schema':{'type':'object'}}}"
#define CRD(versions)                                                                              \
    "{'metadata':{'name':'foos.a.b'},'spec':{'group':'a.b','scope':'Cluster','names':{'plural':'"  \
    "foos','kind':'Foo'},'versions':[" versions "]}}"
#define LONG  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define GOING ",'deprecated':true,'deprecationWarning':"
#define AT    "spec.versions[0].deprecationWarning: Invalid value: "

static void test_versions(void **state)
{
    /* clang-format off */
    static const struct kind_case cases[] = {
        {"one that goes", CRDS, CRD(VERSION("v1", GOING "'use \xc3\xbc'")), NULL, NULL, ""},
        {"one that stays", CRDS, CRD(VERSION("v1", ",'deprecationWarning':'x'")), NULL, NULL, AT "'x': can only be set for deprecated versions"},
        {"no warning", CRDS, CRD(VERSION("v1", GOING "''")), NULL, NULL, AT "'': must not be an empty string"},
        {"a warning of 256", CRDS, CRD(VERSION("v1", GOING "'" LONG LONG LONG LONG "'")), NULL, NULL, ""},
        {"a long one, and two lines", CRDS, CRD(VERSION("v1", GOING "'" LONG LONG LONG LONG "\\n'")), NULL, NULL,
         AT "'" LONG LONG LONG LONG "\\n': must be <= 256 characters long\n" AT "'" LONG LONG LONG LONG "\\n': must only contain printable UTF-8 characters; non-printable character found at index 256"},
        {"one that is not to be seen", CRDS, CRD(VERSION("v1", GOING "'\xc3\xbc\xe2\x80\x8b'")), NULL, NULL,
         AT "'\xc3\xbc\xe2\x80\x8b': must only contain printable UTF-8 characters; non-printable character found at index 2"},
        {"an odd name", CRDS, CRD(VERSION("V1", GOING "''")), NULL, NULL,
         "spec.versions[0].name: Invalid value: 'V1': a DNS-1035 label must\n" AT "'': must not be an empty string\nspec.version: Invalid value: 'V1': a DNS-1035 label must"},
        {"two that are stored", CRDS, CRD(VERSION("v1", "") "," VERSION("v1", "")), NULL, NULL,
         "spec.versions: Invalid value: 2 versions: must contain unique version names\nspec.versions: Invalid value: 2 storage versions: must have exactly one version marked as storage version"},
        {"none", CRDS, CRD(""), NULL, NULL,
         "spec.versions: Invalid value: 0 storage versions: must have exactly one version\nstatus.storedVersions: Invalid value: []string{}: must have at least one stored version"},
    };
    /* clang-format on */
    (void)state;
    kind_check(cases, ARRAY_LEN(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_schemas),
                                       cmocka_unit_test(test_versions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
