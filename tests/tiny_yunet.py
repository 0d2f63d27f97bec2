"""A network with YuNet's interface that takes red squares for faces, as an ONNX file written field by field.

OpenCV's FaceDetectorYN runs it as it runs the real one: three strides, of which the coarsest answers. A cell of 32
pixels that is red is a face of two cells a side around its middle.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

STRIDES = (8, 16, 32)


def write_yunet(file: Path) -> Path:
    """Write the network."""
    nodes, tensors, outputs = [], [], []
    for kind, channels in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
        for stride in STRIDES:
            name = f"{kind}_{stride}"
            weight, bias = _head(kind, channels, stride)
            tensors += [_tensor(f"{name}.w", weight), _tensor(f"{name}.b", bias)]
            tensors.append(_tensor(f"{name}.s", np.array([1, -1, channels], dtype=np.int64)))
            sides = _ints("kernel_shape", [stride, stride]) + _ints("strides", [stride, stride])
            nodes.append(_node("Conv", ["input", f"{name}.w", f"{name}.b"], f"{name}.c", sides))
            nodes.append(_node("Transpose", [f"{name}.c"], f"{name}.t", _ints("perm", [0, 2, 3, 1])))
            nodes.append(_node("Reshape", [f"{name}.t", f"{name}.s"], name, b""))
            outputs.append(_value(name, [1, "n", channels]))
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"tiny")
    graph += b"".join(_field(5, tensor) for tensor in tensors)
    graph += _field(11, _value("input", [1, 3, "h", "w"]))
    graph += b"".join(_field(12, output) for output in outputs)
    file.write_bytes(_number(1, 8) + _field(7, graph) + _field(8, _number(2, 13)))
    return file


def _head(kind: str, channels: int, stride: int) -> tuple[np.ndarray, np.ndarray]:
    weight, bias = np.zeros((channels, 3, stride, stride), np.float32), np.zeros(channels, np.float32)
    if kind == "cls" and stride == 32:  # blue, green, red: 1 for a cell of (220, 30, 30) or redder
        weight[0] = np.array([-1, -1, 2], np.float32)[:, None, None] / (380 * stride**2)
    elif kind == "obj":
        bias[:] = 1
    elif kind == "bbox":
        bias[:] = (0.5, 0.5, np.log(2), np.log(2))
    return weight, bias


# --- protocol buffers, as far as ONNX needs them here ----------------------------------------------


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _tensor(name: str, values: np.ndarray) -> bytes:
    kind = 1 if values.dtype == np.float32 else 7
    shape = b"".join(_number(1, side) for side in values.shape)
    return shape + _number(2, kind) + _field(8, name.encode()) + _field(9, values.tobytes())


def _ints(name: str, values: list[int]) -> bytes:
    return _field(5, _field(1, name.encode()) + b"".join(_number(8, value) for value in values) + _number(20, 7))


def _node(kind: str, inputs: list[str], output: str, attributes: bytes) -> bytes:
    names = b"".join(_field(1, name.encode()) for name in inputs)
    return names + _field(2, output.encode()) + _field(3, output.encode()) + _field(4, kind.encode()) + attributes


def _value(name: str, shape: list[int | str]) -> bytes:
    sides = b"".join(
        _field(1, _number(1, side) if isinstance(side, int) else _field(2, side.encode())) for side in shape
    )
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, 1) + _field(2, sides)))
