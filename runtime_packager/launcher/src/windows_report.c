/* Windows: text for the system, and messages: to stderr, else to a log and into a dialog. */
#include "on_windows.h"

#include <string.h>

#define NO_DIALOG_VARIABLE L"PEFT_ENGINE_NO_DIALOG"

/* Text */

wchar_t *wide(const char *text)
{
    int size = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
    if (size <= 0)
        fail(EXIT_INTERNAL, "a text is not UTF-8");
    wchar_t *result = allocate((size_t)size * sizeof *result);
    MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, result, size);
    return result;
}

char *narrow(const wchar_t *text)
{
    int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    if (size <= 0)
        fail(EXIT_INTERNAL, "a text cannot be written as UTF-8");
    char *result = allocate((size_t)size);
    WideCharToMultiByte(CP_UTF8, 0, text, -1, result, size, NULL, NULL);
    return result;
}

char *system_words(DWORD error)
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
