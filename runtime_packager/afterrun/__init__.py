"""The sealed proof: run a runtime and its children, and show that nothing was written into it.

Rules:

1. The runtime verifies, and is one that this system can run.
2. Every name below it is noted (:mod:`runtime_packager.afterrun.snapshot`).
3. Its app is run through its launcher, and its interpreter the way the app's children would be
   (:mod:`runtime_packager.afterrun.probe`); as whom says
   :func:`runtime_packager.afterrun.running.identities`. Nothing in the tree is changed for that,
   and home and temporary directory lie elsewhere.
4. No name is different, and the runtime verifies again, every byte of it.
"""

from runtime_packager.afterrun.proof import Proof, Trial, prove
from runtime_packager.afterrun.running import Ended, Identity, home, run_for

__all__ = ["Ended", "Identity", "Proof", "Trial", "home", "prove", "run_for"]
