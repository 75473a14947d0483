/* Windows: our options, and the interpreter's command line. What is ours is quoted by the rules of
 * CommandLineToArgvW; what follows our own options is handed on as it stands, so that no other
 * reading of it can change it. */
#include "on_windows.h"

enum command_limit {
    COMMAND_LINE_LIMIT = 32767, /* UTF-16 units with the final NUL, CreateProcessW's limit */
};

struct command {
    wchar_t text[COMMAND_LINE_LIMIT];
    size_t size;
};

static void append(struct command *command, wchar_t unit, size_t times)
{
    if (command->size + times >= COMMAND_LINE_LIMIT)
        fail(EXIT_START, "the command line is longer than %d characters", COMMAND_LINE_LIMIT - 1);
    while (times-- > 0)
        command->text[command->size++] = unit;
}

static void append_quoted(struct command *command, const wchar_t *argument)
{
    size_t backslashes = 0; /* those right before a quote must be doubled */
    append(command, L'"', 1);
    for (; *argument != L'\0'; argument++) {
        if (*argument == L'"')
            append(command, L'\\', backslashes + 1);
        backslashes = *argument == L'\\' ? backslashes + 1 : 0;
        append(command, *argument, 1);
    }
    append(command, L'\\', backslashes);
    append(command, L'"', 1);
    append(command, L' ', 1);
}

static bool is_blank(wchar_t unit)
{
    return unit == L' ' || unit == L'\t';
}

static const wchar_t *skip_blanks(const wchar_t *text)
{
    while (is_blank(*text))
        text++;
    return text;
}

/* The program's name knows quotes but no escapes. */
const wchar_t *skip_program(const wchar_t *text)
{
    for (bool quoted = false; *text != L'\0' && (quoted || !is_blank(*text)); text++)
        if (*text == L'"')
            quoted = !quoted;
    return skip_blanks(text);
}

static bool take_option(const wchar_t **tail, const wchar_t *option)
{
    size_t quote = **tail == L'"', size = wcslen(option);
    const wchar_t *end = *tail + quote;
    if (wcsncmp(end, option, size) != 0)
        return false;
    end += size;
    if (quote && *end++ != L'"')
        return false;
    if (*end != L'\0' && !is_blank(*end))
        return false;
    *tail = skip_blanks(end);
    return true;
}

struct request take_options(const wchar_t **tail)
{
    struct request request = {0};
    for (bool ours = true; ours;) {
        if (take_option(tail, WIDEN(OPTION_DETACH)))
            request.detach = true;
        else if (take_option(tail, WIDEN(OPTION_STDIN)))
            request.stdin_eof = true;
        else
            ours = false;
    }
    request.python = take_option(tail, WIDEN(OPTION_PYTHON));
    request.info = !request.python && take_option(tail, WIDEN(OPTION_INFO));
    return request;
}

wchar_t *command_line(const struct plan *plan, bool with_script, const wchar_t *tail)
{
    struct command *command = allocate(sizeof *command);
    append_quoted(command, wide(plan->interpreter));
    for (size_t i = 0; i < plan->arguments.count; i++)
        append_quoted(command, wide(plan->arguments.items[i]));
    if (with_script)
        append_quoted(command, wide(plan->script));
    for (; *tail != L'\0'; tail++)
        append(command, *tail, 1);
    return command->text;
}
