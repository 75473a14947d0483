"""The signed manifest: what a runtime is made of, who says so, and whether it still is that."""

from runtime_packager.manifest.aftersigning import SignedAfter
from runtime_packager.manifest.files import RELEASE
from runtime_packager.manifest.keyfile import load_public, save_key
from runtime_packager.manifest.keys import PrivateKey, PublicKey, Purpose, Signer, generate_key
from runtime_packager.manifest.paths import path_problem
from runtime_packager.manifest.problems import ErrorId, IntegrityFailure, Problem, printable
from runtime_packager.manifest.release import Release
from runtime_packager.manifest.resealing import Resealed, reseal
from runtime_packager.manifest.root import ROLES, Role, RoleName, Root, require_current
from runtime_packager.manifest.rootfile import (
    Draft,
    RootFiles,
    Wanted,
    read_chain,
    read_public,
)
from runtime_packager.manifest.sealing import ReleaseFacts, resign, seal
from runtime_packager.manifest.signers import load_signer
from runtime_packager.manifest.tree import Level
from runtime_packager.manifest.trusted import (
    TrustedKeys,
    parse_trusted,
    read_trusted,
    render_trusted,
)
from runtime_packager.manifest.verify import (
    Verified,
    signed_by,
    stated_release,
    verify_release,
    verify_tree,
)

__all__ = [
    "RELEASE",
    "ROLES",
    "Draft",
    "ErrorId",
    "IntegrityFailure",
    "Level",
    "PrivateKey",
    "Problem",
    "PublicKey",
    "Purpose",
    "Release",
    "ReleaseFacts",
    "Resealed",
    "Role",
    "RoleName",
    "Root",
    "RootFiles",
    "SignedAfter",
    "Signer",
    "TrustedKeys",
    "Verified",
    "Wanted",
    "generate_key",
    "load_public",
    "load_signer",
    "parse_trusted",
    "path_problem",
    "printable",
    "read_chain",
    "read_public",
    "read_trusted",
    "render_trusted",
    "require_current",
    "reseal",
    "resign",
    "save_key",
    "seal",
    "signed_by",
    "stated_release",
    "verify_release",
    "verify_tree",
]
