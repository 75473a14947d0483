/* Linux and macOS: why a program that is there was not started. Read from the file once the
 * system has refused it, not before: what it was taught to emulate is its own affair. */
#define _GNU_SOURCE
#include "on_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef __APPLE__
#include <elf.h>
#endif

static const struct {
    const char *start; /* the file's first bytes */
    const char *system;
} formats[] = {
    {"MZ", "Windows"},
    {"\xCF\xFA\xED\xFE", "macOS"},
    {"\xCA\xFE\xBA\xBE", "macOS"}, /* for several processors */
#ifdef __APPLE__
    {"\x7F" "ELF", "Linux"},
#endif
};

#ifndef __APPLE__

#ifdef __aarch64__
enum { OWN_MACHINE = EM_AARCH64 };
#else
enum { OWN_MACHINE = EM_X86_64 };
#endif

static const struct {
    Elf64_Half number;
    const char *name; /* as uname(1) has it */
} machines[] = {
    {EM_386, "i386"},       {EM_ARM, "arm"},     {EM_X86_64, "x86_64"}, {EM_AARCH64, "aarch64"},
    {EM_PPC64, "ppc64le"}, {EM_S390, "s390x"}, {EM_RISCV, "riscv64"},
};

static const char *machine_name(Elf64_Half number)
{
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
        if (machines[i].number == number)
            return machines[i].name;
    return format_text("the ELF machine %u", number);
}

/* The dynamic loader that a program of ours asks for, NULL when it asks for none. */
static const char *loader_of(int file, const Elf64_Ehdr *header)
{
    static char name[PATH_LIMIT];
    Elf64_Phdr part;
    for (unsigned i = 0; i < header->e_phnum; i++) {
        off_t place = (off_t)(header->e_phoff + (Elf64_Off)i * header->e_phentsize);
        if (pread(file, &part, sizeof part, place) != sizeof part)
            return NULL;
        if (part.p_type == PT_INTERP && part.p_filesz < sizeof name)
            return pread(file, name, part.p_filesz, (off_t)part.p_offset) > 0 ? name : NULL;
    }
    return NULL;
}

static const char *elf_problem(int file)
{
    Elf64_Ehdr header;
    struct utsname system;
    if (pread(file, &header, sizeof header, 0) != sizeof header ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return NULL;
    if (header.e_machine != OWN_MACHINE && uname(&system) == 0)
        return format_text("; it is made for %s, this machine is %s",
                           machine_name(header.e_machine), system.machine);
    const char *loader = loader_of(file, &header);
    if (loader != NULL && access(loader, X_OK) != 0)
        return format_text("; this system has no %s, which it needs", loader);
    return NULL;
}

#endif

static const char *file_problem(int file)
{
    char start[4] = "";
    if (pread(file, start, sizeof start, 0) < 0)
        return NULL;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (memcmp(start, formats[i].start, strlen(formats[i].start)) == 0)
            return format_text("; it is made for %s", formats[i].system);
#ifdef __APPLE__
    return NULL;
#else
    return elf_problem(file);
#endif
}

static bool lies_where_nothing_runs(const char *path)
{
#ifdef ST_NOEXEC
    struct statvfs mount;
    return statvfs(path, &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0;
#else
    (void)path;
    return false;
#endif
}

const char *why_not_started(const char *path, int error)
{
    const char *more = NULL;
    if (error == EACCES && lies_where_nothing_runs(path))
        more = "; its file system is mounted noexec";
    else if (error == ENOENT || error == ENOEXEC) { /* it is there: what should run it is not */
        int file = open(path, O_RDONLY | O_CLOEXEC);
        more = file < 0 ? NULL : file_problem(file);
        more = more == NULL ? "; is it made for this system?" : more;
    }
    return format_text("%s%s", strerror(error), more == NULL ? "" : more);
}
