; PEFT Studio's installer: for one user, without administrator rights, with one click or silent (/S).
;
; The new version is unpacked beside the old one and takes its place by two renames. Whatever fails
; before, a full disk or a program that still runs, leaves the old one as it was.
;
; electron-builder defines PRODUCT_NAME, PRODUCT_FILENAME, APP_FILENAME, VERSION and the like. The rest
; comes from the environment, set by scripts/dist.js: SETUP_APP_DIR, the unpacked app; SETUP_NODE and
; SETUP_SIGN, the program and script that sign the uninstaller; SETUP_COMPRESSOR, how to compress, or off.

!include "FileFunc.nsh"
!include "LogicLib.nsh"

!if "$%SETUP_APP_DIR%" == "$${U+25}SETUP_APP_DIR$${U+25}"
  !error "build it with: npm run dist:win"
!endif

!define PROGRAM "${PRODUCT_FILENAME}.exe"
!define UNINSTALLER "Uninstall ${PRODUCT_FILENAME}.exe"
!define REGISTRY "Software\Microsoft\Windows\CurrentVersion\Uninstall\${UNINSTALL_APP_KEY}"
; How often it is tried to move the old version away, half a second apart: the app is ending meanwhile.
!define TRIES 60
; Exit codes, besides NSIS's own 0, 1 (cancelled) and 2 (failed).
!define FOREIGN_DIRECTORY 10
!define STILL_RUNNING 11
!define NOT_WRITTEN 12

Name "${PRODUCT_NAME}"
BrandingText "${PRODUCT_NAME} ${VERSION}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\${APP_FILENAME}"
InstallDirRegKey HKCU "${REGISTRY}" "InstallLocation"
!if "$%SETUP_COMPRESSOR%" == "off"
  SetCompress off ; for tests, which do not hand it out
!else
  SetCompress auto
  SetCompressor $%SETUP_COMPRESSOR%
!endif
SetOverwrite on
ShowInstDetails nevershow
ShowUninstDetails nevershow
AutoCloseWindow true
Icon "${MUI_ICON}"
UninstallIcon "${MUI_UNICON}"
!uninstfinalize '"$%SETUP_NODE%" "$%SETUP_SIGN%" "%1"' = 0

Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

Var Updated

Section
  Call RefuseForeignDirectory
  Call Unpack
  Call Swap
  Call Register
  Call StartApp
SectionEnd

; /D= may name any directory, and what is in the app's own goes with every update: it has to be ours.
Function RefuseForeignDirectory
  ${If} ${FileExists} "$INSTDIR\*.*"
  ${AndIfNot} ${FileExists} "$INSTDIR\${PROGRAM}"
    ${DirState} "$INSTDIR" $0
    ${If} $0 = 1
      DetailPrint "$INSTDIR holds other files"
      MessageBox MB_OK|MB_ICONSTOP "$INSTDIR holds other files. Choose another directory." /SD IDOK
      SetErrorLevel ${FOREIGN_DIRECTORY}
      Quit
    ${EndIf}
  ${EndIf}
FunctionEnd

Function Unpack
  RMDir /r "$INSTDIR.new"
  SetOutPath "$INSTDIR.new"
  ClearErrors
  File /r "$%SETUP_APP_DIR%/*.*"
  WriteUninstaller "$INSTDIR.new\${UNINSTALLER}"
  ${If} ${Errors}
    SetOutPath "$TEMP"
    RMDir /r "$INSTDIR.new"
    MessageBox MB_OK|MB_ICONSTOP "Files could not be written. Nothing was changed." /SD IDOK
    SetErrorLevel ${NOT_WRITTEN}
    Quit
  ${EndIf}
  SetOutPath "$TEMP" ; a directory one stands in cannot be renamed
FunctionEnd

Function Swap
  RMDir /r "$INSTDIR.old"
  StrCpy $1 0
  ${If} ${FileExists} "$INSTDIR\*.*"
    ${Do}
      ClearErrors
      Rename "$INSTDIR" "$INSTDIR.old"
      ${IfNot} ${Errors}
        ${ExitDo}
      ${EndIf}
      IntOp $1 $1 + 1
      ${If} $1 >= ${TRIES}
        RMDir /r "$INSTDIR.new"
        MessageBox MB_OK|MB_ICONSTOP "${PRODUCT_NAME} is still running. Close it, then try again." /SD IDOK
        SetErrorLevel ${STILL_RUNNING}
        Quit
      ${EndIf}
      Sleep 500
    ${Loop}
  ${EndIf}
  ClearErrors
  Rename "$INSTDIR.new" "$INSTDIR"
  ${If} ${Errors}
    Rename "$INSTDIR.old" "$INSTDIR"
    RMDir /r "$INSTDIR.new"
    MessageBox MB_OK|MB_ICONSTOP "The new version could not be put in place. The old one is as it was." /SD IDOK
    SetErrorLevel ${NOT_WRITTEN}
    Quit
  ${EndIf}
  RMDir /r "$INSTDIR.old"
FunctionEnd

; For this user alone: no key outside of HKCU, no file outside of the user's own directories.
Function Register
  WriteRegStr HKCU "${REGISTRY}" "DisplayName" "${PRODUCT_NAME}"
  WriteRegStr HKCU "${REGISTRY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${REGISTRY}" "DisplayIcon" "$INSTDIR\${PROGRAM},0"
  !ifdef COMPANY_NAME
    WriteRegStr HKCU "${REGISTRY}" "Publisher" "${COMPANY_NAME}"
  !endif
  WriteRegStr HKCU "${REGISTRY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${REGISTRY}" "UninstallString" '"$INSTDIR\${UNINSTALLER}"'
  WriteRegStr HKCU "${REGISTRY}" "QuietUninstallString" '"$INSTDIR\${UNINSTALLER}" /S'
  WriteRegDWORD HKCU "${REGISTRY}" "NoModify" 1
  WriteRegDWORD HKCU "${REGISTRY}" "NoRepair" 1
  !ifdef ESTIMATED_SIZE
    WriteRegDWORD HKCU "${REGISTRY}" "EstimatedSize" ${ESTIMATED_SIZE}
  !endif
  SetOutPath "$INSTDIR" ; where a shortcut starts its program
  CreateShortCut "$SMPROGRAMS\${SHORTCUT_NAME}.lnk" "$INSTDIR\${PROGRAM}"
  ${IfNot} $Updated == 1 ; who removed it from the desktop does not want it back
    CreateShortCut "$DESKTOP\${SHORTCUT_NAME}.lnk" "$INSTDIR\${PROGRAM}"
  ${EndIf}
FunctionEnd

; One click installs and starts it; silent, it is started when the updater says so.
Function StartApp
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "--force-run" $1
  ${IfNot} ${Errors}
  ${OrIfNot} ${Silent}
    Exec '"$INSTDIR\${PROGRAM}"'
  ${EndIf}
FunctionEnd

Function .onInit
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "--updated" $1
  ${If} ${Errors}
    StrCpy $Updated 0
  ${Else}
    StrCpy $Updated 1
  ${EndIf}
FunctionEnd

; The user's data lies elsewhere and stays.
Section Uninstall
  ${IfNot} ${FileExists} "$INSTDIR\${PROGRAM}"
    SetErrorLevel ${FOREIGN_DIRECTORY}
    Quit
  ${EndIf}
  SetOutPath "$TEMP"
  StrCpy $1 0
  ${Do}
    ClearErrors
    Rename "$INSTDIR" "$INSTDIR.old"
    ${IfNot} ${Errors}
      ${ExitDo}
    ${EndIf}
    IntOp $1 $1 + 1
    ${If} $1 >= ${TRIES}
      MessageBox MB_OK|MB_ICONSTOP "${PRODUCT_NAME} is still running. Close it, then try again." /SD IDOK
      SetErrorLevel ${STILL_RUNNING}
      Quit
    ${EndIf}
    Sleep 500
  ${Loop}
  RMDir /r "$INSTDIR.old"
  Delete "$SMPROGRAMS\${SHORTCUT_NAME}.lnk"
  Delete "$DESKTOP\${SHORTCUT_NAME}.lnk"
  DeleteRegKey HKCU "${REGISTRY}"
SectionEnd
