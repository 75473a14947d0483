/* What is the same on every system: messages, text, the plan and how it is printed. */
#include "launcher.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *program_name = "launcher"; /* until we know where we are */

/* Redirects an interpreter as PYTHONHOME does, and is not ignored under -I either. */
#define VENV_LAUNCHER "__PYVENV_LAUNCHER__"

/* Messages, memory and text */

_Noreturn void fail(enum exit_code code, const char *format, ...)
{
    static char sentence[MESSAGE_LIMIT];
    va_list values;
    va_start(values, format);
    vsnprintf(sentence, sizeof sentence, format, values);
    va_end(values);
    report(sentence);
    exit((int)code);
}

static void *checked(void *memory)
{
    if (memory == NULL)
        fail(EXIT_INTERNAL, "out of memory");
    return memory;
}

void *allocate(size_t size)
{
    return checked(calloc(1, size));
}

char *format_text(const char *format, ...)
{
    va_list values, again;
    va_start(values, format);
    va_copy(again, values);
    int length = vsnprintf(NULL, 0, format, values);
    if (length < 0)
        fail(EXIT_INTERNAL, "a text cannot be formatted");
    char *text = allocate((size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(values);
    return text;
}

void list_add(struct list *list, char *item)
{
    if (list->count + 1 >= list->capacity) {
        list->capacity = list->capacity * 2 + 16;
        list->items = checked(realloc(list->items, list->capacity * sizeof *list->items));
    }
    list->items[list->count++] = item;
    list->items[list->count] = NULL;
}

/* How many bytes the UTF-8 character at `text` has; 0 when it is none (RFC 3629, table 3-7 of
 * the Unicode standard). The text ends with a NUL, which no check steps over. */
size_t character_size(const unsigned char *text)
{
    unsigned char first = text[0], low = 0x80, high = 0xBF;
    if (first < 0x80)
        return 1;
    size_t size = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    if (first == 0xE0) low = 0xA0;  /* would fit in two bytes */
    if (first == 0xED) high = 0x9F; /* surrogates */
    if (first == 0xF0) low = 0x90;  /* would fit in three bytes */
    if (first == 0xF4) high = 0x8F; /* above U+10FFFF */
    for (size_t i = 1; i < size; i++, low = 0x80, high = 0xBF)
        if (text[i] < low || text[i] > high)
            return 0;
    return size;
}

/* Where we are */

struct place place_of(char *launcher)
{
    char *slash = strrchr(launcher, SEPARATOR);
    if (slash == NULL)
        fail(EXIT_LOCATE, "%s is not an absolute path", launcher);
    struct place place = {.launcher = launcher};
    place.root = format_text("%.*s", (int)(slash - launcher), launcher);
    place.name = format_text("%s", slash + 1);
#ifdef _WIN32
    size_t length = strlen(place.name);
    if (length > 4 && _stricmp(place.name + length - 4, ".exe") == 0)
        place.name[length - 4] = '\0';
#endif
    place.cfg = format_text("%s%c%s" CFG_SUFFIX, place.root, SEPARATOR, place.name);
    return place;
}

/* The plan */

static char *absolute(const struct place *place, const char *relative)
{
    char *path = format_text("%s%c%s", place->root, SEPARATOR, relative);
    for (char *at = path + strlen(place->root); *at != '\0'; at++)
        if (*at == '/')
            *at = SEPARATOR;
    return path;
}

static char *expand(const char *text, const char *root)
{
    char *expanded = format_text("%s", "");
    for (const char *at; (at = strstr(text, ROOT_REFERENCE)) != NULL;) {
        expanded = format_text("%s%.*s%s", expanded, (int)(at - text), text, root);
        text = at + strlen(ROOT_REFERENCE);
    }
    return format_text("%s%s", expanded, text);
}

/* The certificates a user or an administrator chose are kept; ours are for those who did not. */
static bool user_decides(const char *name)
{
    bool certificates = strcmp(name, "SSL_CERT_FILE") == 0 || strcmp(name, "SSL_CERT_DIR") == 0;
    return certificates && variable_is_set(name);
}

char *name_of(const char *entry)
{
    return format_text("%.*s", (int)strcspn(entry, "="), entry);
}

bool is_python_variable(const char *entry)
{
    return compare_names(entry, "PYTHON", strlen("PYTHON")) == 0 ||
           compare_names(entry, VENV_LAUNCHER "=", strlen(VENV_LAUNCHER "=")) == 0;
}

struct plan make_plan(const struct place *place, const struct config *config,
                      const struct request *request)
{
    if (request->detach && request->stdin_eof)
        fail(EXIT_GUARD, "%s and %s exclude each other", OPTION_DETACH, OPTION_STDIN);
    struct plan plan = {
        .guarded = !request->detach,
        .stdin_eof = request->stdin_eof,
        .interpreter = absolute(place, config->interpreter),
        .script = absolute(place, config->script),
        .arguments = config->arguments,
        .removed = python_variables(),
    };
    for (size_t i = 0; i < config->environment.count; i++) {
        char *name = name_of(config->environment.items[i]);
        if (user_decides(name))
            list_add(&plan.kept, name);
        else
            list_add(&plan.set, expand(config->environment.items[i], place->root));
    }
    return plan;
}

/* --runtime-info */

/* A byte that is not UTF-8 (a path on Linux can hold it) becomes the lone surrogate that Python
 * stands in for it, so that json.loads and os.fsencode give the byte back. */
static void print_text(const char *text)
{
    putchar('"');
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
        size_t size = character_size(at);
        if (size == 0)
            printf("\\udc%02x", *at++);
        else if (*at < 0x20 || *at == 0x7F)
            printf("\\u%04x", *at++);
        else if (*at == '"' || *at == '\\')
            printf("\\%c", *at++);
        else
            at += fwrite(at, 1, size, stdout) == size ? size : strlen((const char *)at);
    }
    putchar('"');
}

static void print_pair(const char *indent, const char *key, const char *value)
{
    printf("%s\"%s\": ", indent, key);
    print_text(value);
    printf(",\n");
}

static void print_list(const char *indent, const char *key, const struct list *list)
{
    printf("%s\"%s\": [", indent, key);
    for (size_t i = 0; i < list->count; i++) {
        fputs(i == 0 ? "" : ", ", stdout);
        print_text(list->items[i]);
    }
    printf("]");
}

static void print_variables(const struct list *entries)
{
    printf("    \"set\": {");
    for (size_t i = 0; i < entries->count; i++) {
        char *name = name_of(entries->items[i]);
        fputs(i == 0 ? "" : ", ", stdout);
        print_text(name);
        printf(": ");
        print_text(entries->items[i] + strlen(name) + 1);
    }
    printf("},\n");
}

void print_info(const struct place *place, const struct plan *plan)
{
    printf("{\n  \"format\": 1,\n");
    print_pair("  ", "launcher", place->launcher);
    print_pair("  ", "root", place->root);
    print_pair("  ", "interpreter", plan->interpreter);
    print_list("  ", "arguments", &plan->arguments);
    printf(",\n");
    print_pair("  ", "script", plan->script);
    printf("  \"environment\": {\n");
    print_variables(&plan->set);
    print_list("    ", "kept", &plan->kept);
    printf(",\n");
    print_list("    ", "removed", &plan->removed);
    printf("\n  },\n  \"guarded\": %s,\n", plan->guarded ? "true" : "false");
    printf("  \"exit_on_stdin_eof\": %s\n}\n", plan->stdin_eof ? "true" : "false");
    if (fflush(stdout) != 0 || ferror(stdout))
        fail(EXIT_INTERNAL, "standard output cannot be written to: %s", strerror(errno));
}
