/* Windows: a program without a console starts the interpreter without a console, in a job that
 * ends with this process, and waits for the interpreter and for its own parent. */
#include "launcher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <winternl.h>

#define NO_DIALOG_VARIABLE L"PEFT_ENGINE_NO_DIALOG"
#define LONG_PREFIX L"\\\\?\\"
#define LONG_UNC_PREFIX L"\\\\?\\UNC\\"
#define WIDEN_(text) L##text
#define WIDEN(text) WIDEN_(text)

enum windows_limit {
    COMMAND_LINE_LIMIT = 32767, /* UTF-16 units with the final NUL, CreateProcessW's limit */
    ROOM_INSIDE = 100,          /* what our own longest path needs below the root */
};

static const char *program_name = "launcher"; /* until we know where we are */

/* Text: UTF-8 inside, UTF-16 for the system */

static wchar_t *wide(const char *text)
{
    int size = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
    if (size <= 0)
        fail(EXIT_INTERNAL, "a text is not UTF-8");
    wchar_t *result = allocate((size_t)size * sizeof *result);
    MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, result, size);
    return result;
}

static char *narrow(const wchar_t *text)
{
    int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    if (size <= 0)
        fail(EXIT_INTERNAL, "a text cannot be written as UTF-8");
    char *result = allocate((size_t)size);
    WideCharToMultiByte(CP_UTF8, 0, text, -1, result, size, NULL, NULL);
    return result;
}

static char *system_words(DWORD error)
{
    wchar_t words[512] = L"";
    FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, error, 0,
                   words, sizeof words / sizeof *words, NULL);
    words[wcscspn(words, L"\r\n")] = L'\0';
    return format_text("%s (error %lu)", narrow(words), error);
}

/* Messages: in fixed buffers, for they may say that memory is out */

static bool is_read(HANDLE handle)
{
    DWORD mode;
    if (handle == NULL || handle == INVALID_HANDLE_VALUE)
        return false;
    switch (GetFileType(handle)) {
    case FILE_TYPE_DISK:
    case FILE_TYPE_PIPE:
        return true;
    case FILE_TYPE_CHAR:
        return GetConsoleMode(handle, &mode); /* else it is NUL */
    default:
        return false;
    }
}

static bool write_all(HANDLE handle, const char *text)
{
    DWORD size = (DWORD)strlen(text), written;
    return WriteFile(handle, text, size, &written, NULL) && written == size;
}

static bool log_directory(wchar_t *path, DWORD size)
{
    static wchar_t name[MAX_PATH];
    DWORD length = GetEnvironmentVariableW(L"LOCALAPPDATA", path, size);
    if (MultiByteToWideChar(CP_UTF8, 0, program_name, -1, name, MAX_PATH) <= 0)
        return false;
    if (length == 0 || length + wcslen(name) + sizeof "\\\\" LOG_NAME >= size)
        return false;
    wcscat(wcscat(path, L"\\"), name);
    return true;
}

static void append_to_log(const char *line)
{
    static wchar_t path[PATH_LIMIT];
    char when[64];
    SYSTEMTIME now;
    LARGE_INTEGER size;
    if (!log_directory(path, PATH_LIMIT))
        return; /* the exit code is all that is left to us, here and below */
    CreateDirectoryW(path, NULL); /* one that cannot be made shows when the log is opened */
    wcscat(wcscat(path, L"\\"), WIDEN(LOG_NAME));
    HANDLE log = CreateFileW(path, FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                             OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (log == INVALID_HANDLE_VALUE)
        return;
    if (GetFileSizeEx(log, &size) && size.QuadPart > LOG_SIZE_LIMIT) {
        CloseHandle(log);
        log = CreateFileW(path, GENERIC_WRITE, FILE_SHARE_READ, NULL, CREATE_ALWAYS,
                          FILE_ATTRIBUTE_NORMAL, NULL);
    }
    GetSystemTime(&now);
    snprintf(when, sizeof when, "%04d-%02d-%02dT%02d:%02d:%02dZ ", now.wYear, now.wMonth,
             now.wDay, now.wHour, now.wMinute, now.wSecond);
    (void)(write_all(log, when) && write_all(log, line));
    CloseHandle(log);
}

static void show_dialog(const char *sentence)
{
    static wchar_t text[MESSAGE_LIMIT], title[MAX_PATH];
    if (GetEnvironmentVariableW(NO_DIALOG_VARIABLE, NULL, 0) != 0)
        return;
    MultiByteToWideChar(CP_UTF8, 0, sentence, -1, text, MESSAGE_LIMIT);
    MultiByteToWideChar(CP_UTF8, 0, program_name, -1, title, MAX_PATH);
    MessageBoxW(NULL, text, title, MB_OK | MB_ICONERROR | MB_SETFOREGROUND);
}

void report(const char *sentence)
{
    static char line[MESSAGE_LIMIT + MAX_PATH];
    HANDLE errors = GetStdHandle(STD_ERROR_HANDLE);
    snprintf(line, sizeof line, "%s: %s\r\n", program_name, sentence);
    if (is_read(errors) && write_all(errors, line))
        return;
    append_to_log(line);
    show_dialog(sentence);
}

/* Locate */

static wchar_t *module_path(void)
{
    wchar_t *path = allocate(PATH_LIMIT * sizeof *path);
    DWORD length = GetModuleFileNameW(NULL, path, PATH_LIMIT);
    if (length == 0 || length >= PATH_LIMIT)
        fail(EXIT_LOCATE, "this program's path cannot be told: %s", system_words(GetLastError()));
    return path;
}

/* With links resolved. A volume without a drive letter has no such name: then as started. */
static wchar_t *resolved(wchar_t *path)
{
    wchar_t *final = allocate(PATH_LIMIT * sizeof *final);
    HANDLE file = CreateFileW(path, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                              NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE)
        fail(EXIT_LOCATE, "%s, this program's path, cannot be resolved: %s", narrow(path),
             system_words(GetLastError()));
    DWORD length = GetFinalPathNameByHandleW(file, final, PATH_LIMIT, FILE_NAME_NORMALIZED);
    CloseHandle(file);
    return length == 0 || length >= PATH_LIMIT ? path : final;
}

/* Without the prefix that marks long paths, unless the path is one: few programs expect it. */
static wchar_t *plain(wchar_t *path)
{
    if (wcslen(path) + ROOM_INSIDE >= MAX_PATH)
        return path;
    if (wcsncmp(path, LONG_UNC_PREFIX, wcslen(LONG_UNC_PREFIX)) == 0) {
        path += wcslen(LONG_UNC_PREFIX) - 2;
        path[0] = L'\\';
        return path;
    }
    return wcsncmp(path, LONG_PREFIX, wcslen(LONG_PREFIX)) == 0 ? path + wcslen(LONG_PREFIX) : path;
}

/* Isolate */

bool variable_is_set(const char *name)
{
    return GetEnvironmentVariableW(wide(name), NULL, 0) > 1; /* the NUL counts */
}

struct list python_variables(void)
{
    struct list names = {0};
    wchar_t *entries = GetEnvironmentStringsW();
    if (entries == NULL)
        fail(EXIT_INTERNAL, "the environment cannot be read");
    for (wchar_t *entry = entries; *entry != L'\0'; entry += wcslen(entry) + 1) {
        char *text = narrow(entry);
        if (is_python_variable(text))
            list_add(&names, name_of(text));
    }
    return names;
}

static void set_variable(const char *name, const wchar_t *value)
{
    if (!SetEnvironmentVariableW(wide(name), value))
        fail(EXIT_INTERNAL, "the environment variable %s cannot be set: %s", name,
             system_words(GetLastError()));
}

static void isolate(const struct plan *plan)
{
    for (size_t i = 0; i < plan->removed.count; i++)
        set_variable(plan->removed.items[i], NULL);
    for (size_t i = 0; i < plan->set.count; i++) {
        char *name = name_of(plan->set.items[i]);
        set_variable(name, wide(plan->set.items[i] + strlen(name) + 1));
    }
}

/* Guard: the job ends with us, and we end with the parent */

static ULONGLONG start_time(HANDLE process)
{
    FILETIME created, exited, kernel, user;
    if (!GetProcessTimes(process, &created, &exited, &kernel, &user))
        fail(EXIT_GUARD, "the parent cannot be watched: %s", system_words(GetLastError()));
    return ((ULONGLONG)created.dwHighDateTime << 32) | created.dwLowDateTime;
}

/* The number of an ended parent may have been given to a later process: not our parent then. A
 * process that the system itself started (or, under Wine, a Unix one) has 0: nobody to outlive. */
static HANDLE open_parent(void)
{
    PROCESS_BASIC_INFORMATION own = {0};
    if (NtQueryInformationProcess(GetCurrentProcess(), ProcessBasicInformation, &own, sizeof own,
                                  NULL) != 0)
        fail(EXIT_GUARD, "the parent cannot be told");
    DWORD number = (DWORD)(ULONG_PTR)own.InheritedFromUniqueProcessId;
    if (number == 0)
        return NULL;
    HANDLE parent = OpenProcess(SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION, FALSE, number);
    if (parent == NULL && GetLastError() != ERROR_INVALID_PARAMETER)
        fail(EXIT_GUARD, "the parent, process %lu, cannot be watched: %s; %s as the first "
             "argument starts without a guard", number, system_words(GetLastError()), OPTION_DETACH);
    if (parent == NULL || start_time(parent) > start_time(GetCurrentProcess()))
        fail(EXIT_GUARD, "the process that started %s ended before it could run", program_name);
    return parent;
}

static HANDLE make_job(void)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    HANDLE job = CreateJobObjectW(NULL, NULL);
    if (job == NULL || !SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits,
                                                sizeof limits))
        fail(EXIT_GUARD, "a job object cannot be made: %s", system_words(GetLastError()));
    return job;
}

/* Start: the command line. Ours is quoted by the rules of CommandLineToArgvW; what follows our
 * own options is handed on as it stands, so that no other reading of it can change it. */

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
static const wchar_t *skip_program(const wchar_t *text)
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

static struct request take_options(const wchar_t **tail)
{
    struct request request = {.detach = take_option(tail, WIDEN(OPTION_DETACH))};
    request.python = take_option(tail, WIDEN(OPTION_PYTHON));
    request.info = !request.python && take_option(tail, WIDEN(OPTION_INFO));
    return request;
}

static wchar_t *command_line(const struct plan *plan, bool with_script, const wchar_t *tail)
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

/* Start: the process */

static void check_files(const struct plan *plan)
{
    DWORD interpreter = GetFileAttributesW(wide(plan->interpreter));
    if (interpreter == INVALID_FILE_ATTRIBUTES)
        fail(EXIT_INTERPRETER, "the interpreter %s is missing: %s", plan->interpreter,
             system_words(GetLastError()));
    if (interpreter & FILE_ATTRIBUTE_DIRECTORY)
        fail(EXIT_INTERPRETER, "the interpreter %s is not a file", plan->interpreter);
    if (GetFileAttributesW(wide(plan->script)) == INVALID_FILE_ATTRIBUTES)
        fail(EXIT_SCRIPT, "the script %s is missing: %s", plan->script,
             system_words(GetLastError()));
}

/* A copy of our own that may be inherited; NUL where we have none. */
static HANDLE inheritable(DWORD which)
{
    SECURITY_ATTRIBUTES shared = {sizeof shared, NULL, TRUE};
    HANDLE own = GetStdHandle(which), copy = INVALID_HANDLE_VALUE;
    bool usable = own != NULL && own != INVALID_HANDLE_VALUE &&
                  DuplicateHandle(GetCurrentProcess(), own, GetCurrentProcess(), &copy, 0, TRUE,
                                  DUPLICATE_SAME_ACCESS);
    if (!usable)
        copy = CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE,
                           FILE_SHARE_READ | FILE_SHARE_WRITE, &shared, OPEN_EXISTING, 0, NULL);
    if (copy == INVALID_HANDLE_VALUE)
        fail(EXIT_START, "a standard handle cannot be made: %s", system_words(GetLastError()));
    return copy;
}

enum { ATTRIBUTES = 2 };

/* The child is in the job from its first instruction on and inherits these handles and no other. */
static LPPROC_THREAD_ATTRIBUTE_LIST attributes(HANDLE *job, HANDLE handles[3])
{
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(NULL, ATTRIBUTES, 0, &size);
    LPPROC_THREAD_ATTRIBUTE_LIST list = allocate(size);
    if (!InitializeProcThreadAttributeList(list, ATTRIBUTES, 0, &size) ||
        !UpdateProcThreadAttribute(list, 0, PROC_THREAD_ATTRIBUTE_JOB_LIST, job, sizeof *job, NULL,
                                   NULL) ||
        !UpdateProcThreadAttribute(list, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles,
                                   3 * sizeof *handles, NULL, NULL))
        fail(EXIT_START, "the start cannot be prepared: %s", system_words(GetLastError()));
    return list;
}

static HANDLE start(const struct plan *plan, wchar_t *command, HANDLE job)
{
    HANDLE handles[3] = {inheritable(STD_INPUT_HANDLE), inheritable(STD_OUTPUT_HANDLE),
                         inheritable(STD_ERROR_HANDLE)};
    PROCESS_INFORMATION child;
    STARTUPINFOEXW how = {.lpAttributeList = attributes(&job, handles)};
    how.StartupInfo.cb = sizeof how;
    how.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    how.StartupInfo.hStdInput = handles[0];
    how.StartupInfo.hStdOutput = handles[1];
    how.StartupInfo.hStdError = handles[2];
    if (!CreateProcessW(wide(plan->interpreter), command, NULL, NULL, TRUE,
                        CREATE_NO_WINDOW | EXTENDED_STARTUPINFO_PRESENT, NULL, NULL,
                        &how.StartupInfo, &child))
        fail(EXIT_START, "%s cannot be started: %s", plan->interpreter,
             system_words(GetLastError()));
    for (size_t i = 0; i < 3; i++)
        CloseHandle(handles[i]);
    CloseHandle(child.hThread);
    return child.hProcess;
}

/* Windows shows the busy cursor until a program without a console asks for its first message. */
static void end_start_feedback(void)
{
    MSG message;
    if (PostMessageW(NULL, WM_NULL, 0, 0))
        GetMessageW(&message, NULL, 0, 0);
}

static DWORD wait_for_end(HANDLE child, HANDLE parent, HANDLE job)
{
    HANDLE watched[] = {child, parent};
    DWORD code;
    switch (WaitForMultipleObjects(parent == NULL ? 1 : 2, watched, FALSE, INFINITE)) {
    case WAIT_OBJECT_0:
        if (GetExitCodeProcess(child, &code))
            return code;
        fail(EXIT_INTERNAL, "the exit code cannot be read: %s", system_words(GetLastError()));
    case WAIT_OBJECT_0 + 1:
        TerminateJobObject(job, EXIT_GUARD);
        return EXIT_GUARD;
    default:
        fail(EXIT_INTERNAL, "the end cannot be waited for: %s", system_words(GetLastError()));
    }
}

int WINAPI wWinMain(HINSTANCE instance, HINSTANCE unused, wchar_t *line, int show)
{
    (void)instance, (void)unused, (void)line, (void)show;
    const wchar_t *tail = skip_program(GetCommandLineW());
    struct request request = take_options(&tail);
    struct place place = place_of(narrow(plain(resolved(module_path()))));
    program_name = place.name;
    struct config config = read_config(place.cfg, _wfopen(wide(place.cfg), L"rb"));
    struct plan plan = make_plan(&place, &config);
    plan.guarded = !request.detach;
    check_files(&plan);
    if (request.info) {
        print_info(&place, &plan);
        return EXIT_SUCCESS;
    }
    isolate(&plan);
    HANDLE parent = plan.guarded ? open_parent() : NULL;
    HANDLE job = make_job();
    HANDLE child = start(&plan, command_line(&plan, !request.python, tail), job);
    end_start_feedback();
    ExitProcess(wait_for_end(child, parent, job));
}
