"""Which NVIDIA GPUs the driver has, asked through its own library: to learn of none, no runtime must be loaded."""

import ctypes
import sys

_LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_NAME_BYTES = 256


def list_gpus() -> list[str]:
    """Their names, the first one being the one that is used; none without a driver."""
    try:
        driver = ctypes.CDLL(_LIBRARY)
    except OSError:
        return []
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return []
    return [_read_name(driver, number) for number in range(count.value)]


def _read_name(driver: ctypes.CDLL, number: int) -> str:
    device, text = ctypes.c_int(0), ctypes.create_string_buffer(_NAME_BYTES)
    driver.cuDeviceGet(ctypes.byref(device), number)
    driver.cuDeviceGetName(text, _NAME_BYTES, device)
    return text.value.decode(errors="replace")
