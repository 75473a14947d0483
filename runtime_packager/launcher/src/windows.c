/* Windows: a program without a console starts the interpreter without a console, in a job that
 * ends with this process, and waits for the interpreter and for its own parent. */
#include "on_windows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LONG_PREFIX L"\\\\?\\"
#define LONG_UNC_PREFIX L"\\\\?\\UNC\\"

enum windows_limit {
    ROOM_INSIDE = 100, /* what our own longest path needs below the root */
};

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

int WINAPI wWinMain(HINSTANCE instance, HINSTANCE unused, wchar_t *line, int show)
{
    (void)instance, (void)unused, (void)line, (void)show;
    const wchar_t *tail = skip_program(GetCommandLineW());
    struct request request = take_options(&tail);
    struct place place = place_of(narrow(plain(resolved(module_path()))));
    program_name = place.name;
    struct config config = read_config(place.cfg, _wfopen(wide(place.cfg), L"rb"));
    struct plan plan = make_plan(&place, &config, &request);
    check_files(&plan);
    if (request.info) {
        print_info(&place, &plan);
        return EXIT_SUCCESS;
    }
    isolate(&plan);
    HANDLE parent = plan.guarded ? open_parent() : NULL;
    HANDLE input = plan.stdin_eof ? watch_stdin() : NULL;
    HANDLE job = make_job();
    HANDLE child = start(&plan, command_line(&plan, !request.python, tail), job);
    end_start_feedback();
    ExitProcess(wait_for_end(child, parent, input, job));
}
