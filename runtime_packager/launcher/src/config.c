/* The cfg: read whole, taken line by line, refused with the line and what was expected there. */
#include "launcher.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define KNOWN_KEYS "format, interpreter, argument, script or environment"

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
