"""Extension modules. SAFECODEC_BUILD picks the flavour: release (default), profile, coverage, asan, or none of them."""

import copy
import os
import sys

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

FLAVOURS: dict[str, dict[str, list[str]]] = {
    "release": {"compile": ["-O3", "-g0"], "link": ["-Wl,-s"] if sys.platform == "linux" else []},
    "profile": {"compile": ["-O3", "-g"], "link": []},
    # Without what relies on a host or a CPython that is known: both ways are tested, the other one by the release.
    "coverage": {"compile": ["-O1", "-g0", "-DSAFECODEC_PORTABLE"], "link": []},
    "asan": {
        "compile": [
            "-O1",
            "-g",
            "-fno-omit-frame-pointer",
            "-fsanitize=address,undefined",
            "-fno-sanitize-recover=undefined",
        ],
        "link": ["-fsanitize=address,undefined"],
    },
    # By clang, for atheris: its preloaded libraries have the sanitizers' and libFuzzer's runtime, so none is linked.
    "guided": {
        "compile": ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,fuzzer-no-link"],
        "link": [],
    },
    # An editable install: make builds its modules, which setuptools would do a second time.
    "none": {"compile": [], "link": []},
}

name = os.environ.get("SAFECODEC_BUILD", "release")
if name not in FLAVOURS:
    sys.exit(f"SAFECODEC_BUILD={name!r} is not one of {', '.join(FLAVOURS)}")
flavour = FLAVOURS[name] if sys.platform != "win32" else {"compile": ["/O2"], "link": []}
CRC32C = "src/safecodec/frame/crc32c.c"
macros = [("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0")] if name == "coverage" else []


def extension(module: str, *sources: str) -> Extension:
    """A compiled module with the flavour's switches."""
    return Extension(
        module,
        [f"src/{module.replace('.', '/')}.pyx", *sources],
        include_dirs=["src/safecodec/frame", "src/safecodec/avro"],
        depends=["src/safecodec/frame/crc32c.h", "src/safecodec/avro/utf8.h", "src/safecodec/avro/runs.h"],
        define_macros=macros,
        extra_compile_args=flavour["compile"],
        extra_link_args=flavour["link"],
    )


class BuildSideBySide(build_ext):
    """Compile the modules on all cores, each with a place of its own for its objects: crc32c.c is part of three."""

    def finalize_options(self) -> None:
        """As many at once as there are cores, unless the command line says otherwise."""
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def build_extension(self, ext: Extension) -> None:
        """Build one of them, beside the others."""
        own = copy.copy(self)
        own.build_temp = os.path.join(self.build_temp, ext.name)  # noqa: PTH118  # distutils takes no Path
        super(BuildSideBySide, own).build_extension(ext)


# Cython's processes import this file where the system does not fork, and must not build in their turn.
if __name__ == "__main__" and name == "none":
    setup()
elif __name__ == "__main__":
    modules = cythonize(
        [
            extension("safecodec.frame._stamp"),
            extension("safecodec.frame._header"),
            extension("safecodec.frame._frame", CRC32C),
            extension("safecodec.avro._arena"),
            extension("safecodec.avro._breathing"),
            extension("safecodec.avro._slots"),
            extension("safecodec.avro._plan"),
            extension("safecodec.avro._refusals"),
            extension("safecodec.avro._times"),
            extension("safecodec.avro._bounds"),
            extension("safecodec.avro._fresh"),
            extension("safecodec.avro._conversions"),
            extension("safecodec.avro._large"),
            extension("safecodec.avro._skip"),
            extension("safecodec.avro._decoder"),
            extension("safecodec.avro._writing"),
            extension("safecodec.avro._sink"),
            extension("safecodec.avro._encoder"),
            extension("safecodec.payload._straight"),
            extension("safecodec._cost"),
            extension("safecodec._loop"),
            extension("safecodec.reader", CRC32C),
            extension("safecodec.codec", CRC32C),
            extension("safecodec.cache._known"),
        ],
        compiler_directives={
            "language_level": "3",
            "binding": True,
            "auto_pickle": False,
            "autotestdict": False,
            "freethreading_compatible": True,
            "boundscheck": False,
            "wraparound": False,
            "linetrace": name == "coverage",
        },
        nthreads=os.cpu_count() or 1,
    )
    setup(ext_modules=modules, cmdclass={"build_ext": BuildSideBySide})
