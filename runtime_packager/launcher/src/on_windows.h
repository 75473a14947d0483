/* What the Windows files share. */
#ifndef ON_WINDOWS_H
#define ON_WINDOWS_H

#include "launcher.h"

#include <wchar.h>

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#define WIDEN_(text) L##text
#define WIDEN(text) WIDEN_(text)

/* windows_report.c: UTF-8 inside, UTF-16 for the system */
wchar_t *wide(const char *text);
char *narrow(const wchar_t *text);
char *system_words(DWORD error);

/* windows_command.c */
struct request take_options(const wchar_t **tail); /* from what follows the program's name */
const wchar_t *skip_program(const wchar_t *text);
wchar_t *command_line(const struct plan *plan, bool with_script, const wchar_t *tail);

/* windows_guard.c: each fails with EXIT_GUARD */
HANDLE open_parent(void); /* NULL: there is none to outlive */
HANDLE make_job(void);
HANDLE watch_stdin(void); /* is signalled once its other end is closed */
DWORD wait_for_end(HANDLE child, HANDLE parent, HANDLE input, HANDLE job);

#endif
