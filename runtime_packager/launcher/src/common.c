/* What is the same on every system: the cfg, the plan made of it, messages. */
#include "launcher.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ROOT_REFERENCE "${root}"
#define KNOWN_KEYS "format, interpreter, argument, script or environment"

/* Redirects an interpreter as PYTHONHOME does, and is not ignored under -I either. */
#define VENV_LAUNCHER "__PYVENV_LAUNCHER__"

/* Messages and memory */

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

/* The cfg: one function for each rule, all told the line they are at */

struct line {
    const char *path;
    unsigned number;
    char *text;
    size_t size;
};

static _Noreturn void refuse(const struct line *line, const char *format, ...) PRINTF_LIKE(2, 3);

static _Noreturn void refuse(const struct line *line, const char *format, ...)
{
    char reason[MESSAGE_LIMIT / 2];
    va_list values;
    va_start(values, format);
    vsnprintf(reason, sizeof reason, format, values);
    va_end(values);
    fail(EXIT_CFG_INVALID, "%s, line %u: %s", line->path, line->number, reason);
}

/* How many bytes the UTF-8 character at `text` has; 0 when it is none (RFC 3629, table 3-7 of
 * the Unicode standard). The text ends with a NUL, which no check steps over. */
static size_t character_size(const unsigned char *text)
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

static void check_characters(const struct line *line)
{
    const unsigned char *text = (const unsigned char *)line->text;
    for (size_t at = 0, size; at < line->size; at += size) {
        if ((text[at] < 0x20 && text[at] != '\t') || text[at] == 0x7F)
            refuse(line, "expected text, found the control character 0x%02X", text[at]);
        size = character_size(text + at);
        if (size == 0)
            refuse(line, "expected UTF-8, found the byte 0x%02X at column %zu", text[at], at + 1);
    }
}

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t size = strlen(text);
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        size--;
    text[size] = '\0';
    return text;
}

static bool is_odd_component(const char *start, size_t size)
{
    return size == 0 || (size == 1 && start[0] == '.') ||
           (size == 2 && start[0] == '.' && start[1] == '.');
}

static char *check_relative(const struct line *line, const char *key, char *path)
{
    bool odd = strpbrk(path, "\\:") != NULL;
    for (char *start = path; !odd; start += strcspn(start, "/") + 1) {
        odd = is_odd_component(start, strcspn(start, "/"));
        if (start[strcspn(start, "/")] == '\0')
            break;
    }
    if (odd)
        refuse(line, "%s: expected a path relative to the launcher with / between its parts "
               "and no .. in it, found \"%s\"", key, path);
    return path;
}

static void set_once(const struct line *line, const char *key, char **setting, char *value)
{
    if (*setting != NULL)
        refuse(line, "%s: expected once, found again", key);
    *setting = check_relative(line, key, value);
}

static size_t name_size(const char *text)
{
    const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    if (*text == '\0' || strchr(letters, *text) == NULL)
        return 0;
    const char *end = text;
    while (*end != '\0' && (strchr(letters, *end) != NULL || strchr("0123456789", *end) != NULL))
        end++;
    return (size_t)(end - text);
}

static void add_variable(const struct line *line, struct list *environment, char *entry)
{
    size_t name = name_size(entry);
    if (name == 0 || entry[name] != '=')
        refuse(line, "environment: expected NAME=VALUE, found \"%s\"", entry);
    for (char *at = strstr(entry, "${"); at != NULL; at = strstr(at + 1, "${"))
        if (strncmp(at, ROOT_REFERENCE, strlen(ROOT_REFERENCE)) != 0)
            refuse(line, "environment: expected no reference but " ROOT_REFERENCE
                   ", found \"%s\"", at);
    for (size_t i = 0; i < environment->count; i++)
        if (compare_names(environment->items[i], entry, name + 1) == 0)
            refuse(line, "environment: expected %.*s once, found again", (int)name, entry);
    list_add(environment, entry);
}

static void apply_setting(const struct line *line, struct config *config, char *key, char *value)
{
    if (*value == '\0')
        refuse(line, "%s: expected a value, found none", key);
    if (strcmp(key, "interpreter") == 0)
        set_once(line, key, &config->interpreter, value);
    else if (strcmp(key, "script") == 0)
        set_once(line, key, &config->script, value);
    else if (strcmp(key, "argument") == 0)
        list_add(&config->arguments, value);
    else if (strcmp(key, "environment") == 0)
        add_variable(line, &config->environment, value);
    else if (strcmp(key, "format") == 0)
        refuse(line, "format: expected once, found again");
    else
        refuse(line, "expected " KNOWN_KEYS ", found the unknown key \"%s\"", key);
}

static void check_format(const struct line *line, const char *key, const char *value)
{
    if (strcmp(key, "format") != 0)
        refuse(line, "expected format = 1 as the first setting, found \"%s\"", key);
    if (strcmp(value, "1") != 0)
        refuse(line, "format: expected 1, the only format this launcher knows, found \"%s\"", value);
}

static void parse_line(const struct line *line, struct config *config, bool *format_seen)
{
    if (line->size > LINE_LIMIT)
        refuse(line, "expected at most %d bytes, found %zu", LINE_LIMIT, line->size);
    check_characters(line);
    char *text = trim(line->text);
    if (*text == '\0' || *text == '#')
        return;
    char *equals = strchr(text, '=');
    if (equals == NULL)
        refuse(line, "expected key = value, found \"%s\"", text);
    *equals = '\0';
    char *key = trim(text), *value = trim(equals + 1);
    if (*format_seen)
        apply_setting(line, config, key, value);
    else
        check_format(line, key, value);
    *format_seen = true;
}

static struct config parse_config(const char *path, char *text, size_t size)
{
    struct config config = {0};
    bool format_seen = false;
    struct line line = {.path = path};
    for (char *end = text + size; text < end; text++) {
        char *newline = memchr(text, '\n', (size_t)(end - text));
        char *stop = newline == NULL ? end : newline;
        line.number++;
        line.text = text;
        line.size = (size_t)(stop - text);
        if (newline != NULL && line.size > 0 && stop[-1] == '\r')
            line.size--;
        line.text[line.size] = '\0';
        parse_line(&line, &config, &format_seen);
        text = stop;
    }
    const char *missing = !format_seen                 ? "format"
                          : config.interpreter == NULL ? "interpreter"
                          : config.script == NULL      ? "script"
                                                       : NULL;
    if (missing != NULL)
        fail(EXIT_CFG_INVALID, "%s, line %u: expected a line \"%s = ...\", found the end of the file",
             path, line.number + 1, missing);
    return config;
}

struct config read_config(const char *path, FILE *stream)
{
    if (stream == NULL)
        fail(EXIT_CFG_MISSING, "%s, which says what to start, cannot be opened: %s", path,
             strerror(errno));
    char *text = allocate(CFG_SIZE_LIMIT + 2); /* one more to notice too long, one for the NUL */
    size_t size = fread(text, 1, CFG_SIZE_LIMIT + 1, stream);
    if (ferror(stream))
        fail(EXIT_CFG_MISSING, "%s cannot be read: %s", path, strerror(errno));
    fclose(stream);
    if (size > CFG_SIZE_LIMIT)
        fail(EXIT_CFG_INVALID, "%s: expected at most %d bytes, found more", path, CFG_SIZE_LIMIT);
    return parse_config(path, text, size);
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

struct plan make_plan(const struct place *place, const struct config *config)
{
    struct plan plan = {
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
    printf("\n  },\n  \"guarded\": %s\n}\n", plan->guarded ? "true" : "false");
    if (fflush(stdout) != 0 || ferror(stdout))
        fail(EXIT_INTERNAL, "standard output cannot be written to: %s", strerror(errno));
}
