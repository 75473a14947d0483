"""The libraries a target's system has, so that no tree needs to bring them.

A name that is missing here is reported, and the configuration can add it; a name too many hides a
runtime that does not start. So the lists hold what is certain.
"""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

from runtime_packager.platforms import Target

GLIBC = frozenset({
    "ld-linux-aarch64.so.1", "ld-linux-x86-64.so.2", "libanl.so.1", "libatomic.so.1", "libc.so.6",
    "libdl.so.2", "libexpat.so.1", "libgcc_s.so.1", "libGL.so.1", "libglib-2.0.so.0",
    "libgobject-2.0.so.0", "libgthread-2.0.so.0", "libICE.so.6", "libm.so.6", "libmvec.so.1",
    "libnsl.so.1", "libpthread.so.0", "libresolv.so.2", "librt.so.1", "libSM.so.6",
    "libstdc++.so.6", "libutil.so.1", "libX11.so.6", "libXext.so.6", "libXrender.so.1", "libz.so.1",
})  # fmt: skip
"""What a manylinux wheel may take from the system: PEP 513, 571, 599 and 600, with the additions of
auditwheel's ``manylinux-policy.json`` (libanl, libatomic, libexpat, libmvec, libz)."""

MUSL = ("libc.musl-*.so.1", "ld-musl-*.so.1", "libc.so", "libz.so.1")
"""The same for musl: PEP 656 and auditwheel's ``musllinux-policy.json``. ``libc.so`` is musl's own
soname, ``libc.musl-<machine>.so.1`` Alpine's name of it."""

LINUX_DRIVERS = (
    "libcuda.so.1", "libnvidia-*.so.1", "libnvcuvid.so.1", "libnvoptix.so.1", "libOpenCL.so.1",
    "libvulkan.so.1", "libze_loader.so.1", "libEGL.so.1", "libGLX.so.0",
    "libOpenGL.so.0", "libibverbs.so.1", "librdmacm.so.1", "libmlx5.so.1",
)  # fmt: skip
"""What only a driver for the user's hardware installs. Files that need one are loaded by code that
has looked for the hardware first: NVIDIA's ``libcuda`` and RDMA back ends, Vulkan, Level Zero."""

WINDOWS_SETS = ("api-ms-win-*.dll", "ext-ms-*.dll")
"""API sets: names that the loader itself maps to the system's libraries (Windows 10 and later)."""

_WINDOWS = """
    aclui activeds advapi32 advpack amsi authz avicap32 avifil32 avrt bcrypt bcryptprimitives
    bluetoothapis cabinet cfgmgr32 cldapi clusapi combase comctl32 comdlg32 coremessaging credui
    crypt32 cryptbase cryptdll cryptnet cryptsp cryptui cryptxml cscapi d2d1 d3d10 d3d10_1
    d3d10core d3d11 d3d12 d3d9 d3dcompiler_47 davclnt dbgcore dbgeng dbghelp dcomp ddraw devobj
    dhcpcsvc dhcpcsvc6 dinput dinput8 directml dnsapi dot3api dpapi dsound dsrole dwmapi dwrite
    dxcore dxgi dxva2 eappcfg esent evr faultrep fltlib fwpuclnt gdi32 gdiplus gpapi hid hlink
    hnetcfg httpapi icm32 icu imagehlp imm32 iphlpapi jscript kernel32 kernelbase ksuser ktmw32
    loadperf logoncli lz32 magnification mapi32 mf mfcaptureengine mfcore mfplat mfplay
    mfreadwrite mftranscode mlang mmdevapi mpr mprapi msacm32 msasn1 mscms msctf msdelta msdmo
    msdrm mshtml msi msimg32 msls31 msvcp_win msvcrt msvfw32 mswsock msxml3 msxml6 ncrypt ndfapi
    netapi32 netutils newdev nlaapi normaliz nsi ntdll ntdsapi ntmarta odbc32 odbccp32 ole32
    oleacc oleaut32 oledlg pdh powrprof prntvpt profapi propsys psapi quartz query qwave
    rasapi32 rasdlg rasman resutils riched20 rpcrt4 rstrtmgr rtm rtutils rtworkq samcli samlib
    schannel sechost secur32 security sensapi setupapi sfc sfc_os shcore shell32 shfolder
    shlwapi slc snmpapi srvcli sspicli sxs t2embed tapi32 taskschd tbs tdh traffic
    twinapi.appcore txfw32 ucrtbase uiautomationcore urlmon user32 userenv usp10 uxtheme
    vaultcli version virtdisk vssapi wcmapi webauthn webio webservices websocket wer wevtapi
    win32u winbio windows.storage windowscodecs winhttp wininet winmm winmmbase winnsi winscard
    winsta wintrust winusb wkscli wlanapi wlanui wlanutil wldap32 wldp wmiclnt wmvcore wofutil
    ws2_32 wscapi wsdapi wsock32 wtsapi32 xinput1_4 xinput9_1_0 xmllite xolehlp
"""

WINDOWS = frozenset(f"{name}.dll" for name in _WINDOWS.split()) | {"winspool.drv"}
"""Libraries in ``System32`` of a clean Windows 10 desktop, x64 and arm64, that programs link.
Microsoft's runtimes that an installer brings are none of them: ``vcruntime140``, ``msvcp140``,
``vcomp140``, ``mfc140u``; delvewheel, which repairs wheels, draws the same line."""

WINDOWS_X64 = WINDOWS | {"dciman32.dll", "glu32.dll", "mscoree.dll", "opengl32.dll"}
"""With further ones that x64 has, but arm64 only with a compatibility pack."""

WINDOWS_DRIVERS = (
    "nvcuda.dll", "nvml.dll", "nvapi64.dll", "nvcuvid.dll", "nvencodeapi64.dll", "nvoptix.dll",
    "opencl.dll", "vulkan-1.dll", "ze_loader.dll", "amdhip64*.dll",
)  # fmt: skip
"""As :data:`LINUX_DRIVERS`."""

MACOS = ("/usr/lib/*", "/System/Library/*", "@rpath/libswift*.dylib")
"""Apple's own libraries, by path: since macOS 11 they are not even files, but parts of a cache.
Swift's run time is one of them, though programs ask for it by ``@rpath``."""

OPTIONAL = (
    "*/lib-dynload/_crypt.*",
    "*/bitsandbytes/libbitsandbytes_cuda*",
    "*/bitsandbytes/libbitsandbytes_rocm*",
    "*/bitsandbytes/libbitsandbytes_xpu*",
    "*/nvidia/nvshmem/lib/nvshmem_bootstrap_*",
    "*/nvidia/nvshmem/lib/nvshmem_transport_*",
    "*/triton/plugins/*",
)
"""Tree paths of parts that their package does without where they do not load, so that only their
format, architecture and libc are judged: one back end for each GPU, MPI or network there is, of
which the package picks what fits the machine; examples; and the standard library's ``crypt``, gone
in 3.13, which has no libcrypt.so.1 on Fedora and RHEL 9."""


def is_optional(path: str) -> bool:
    """Whether the file at ``path`` of the tree is no loss where it does not load."""
    return any(fnmatchcase(path, pattern) for pattern in OPTIONAL)


def is_system_library(name: str, target: Target, extra: Collection[str] = ()) -> bool:
    """Whether ``target``'s system has the library, or ``extra`` says it does.

    :param name: as the file that needs it writes it; its case counts nowhere but on Unix.
    :param extra: further names or shell patterns, from the configuration.
    """
    fold = str.lower if target.is_windows else str
    wanted = fold(name)
    return wanted in _names(target) or any(
        fnmatchcase(wanted, fold(pattern)) for pattern in (*_patterns(target), *extra)
    )


def _names(target: Target) -> frozenset[str]:
    match target.os:
        case "win":
            return WINDOWS_X64 if "x86_64" in target.architectures else WINDOWS
        case "linux" if not target.musl:
            return GLIBC
        case _:
            return frozenset()


def _patterns(target: Target) -> tuple[str, ...]:
    match target.os:
        case "win":
            return WINDOWS_SETS + WINDOWS_DRIVERS
        case "mac":
            return MACOS
        case _:
            return LINUX_DRIVERS + (MUSL if target.musl else ())
