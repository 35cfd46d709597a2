"""Makes the pictures of this folder, one of each kind, and what Pillow makes of them.

    pip install pillow numpy
    python3 make_pictures.py

pictures/ holds the files. golden.json has for each file the sample of 16x16 in
colour that Pillow makes by the rules of the package, in hexadecimal, planes of rows.
"""

import json
import os
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "pictures")
SIZE = 16
W, H = 45, 30


def base():
    y, x = np.mgrid[0:H, 0:W]
    a = np.zeros((H, W, 3))
    a[..., 0] = 255 * x / (W - 1)
    a[..., 1] = 255 * y / (H - 1)
    a[..., 2] = 128 + 100 * np.sin(x / 5) * np.cos(y / 4)
    a[(x - 16) ** 2 + (y - 12) ** 2 < 36] = (250, 30, 20)
    a[(x > 25) & (y > 18)] = (20, 60, 200)
    return np.clip(np.rint(a), 0, 255).astype(np.uint8)


def png(path, width, height, depth, kind, rows, extra=b"", interlace=0):
    """A PNG of kinds that Pillow does not write."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    raw = b"".join(b"\0" + r for r in rows)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n")
        f.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlace)))
        f.write(extra and chunk(*extra) or b"")
        f.write(chunk(b"IDAT", zlib.compress(raw)))
        f.write(chunk(b"IEND", b""))


def orientation(o):
    e = Image.Exif()
    e[0x0112] = o
    return e


def over(im, background=(255, 255, 255)):
    """What Pillow shows of an image on a background."""
    im = im.convert("RGBA")
    under = Image.new("RGBA", im.size, background + (255,))
    return Image.alpha_composite(under, im).convert("RGB")


def sample(im):
    w, h = im.size
    side = min(w, h)
    x, y = (w - side) // 2, (h - side) // 2
    im = im.crop((x, y, x + side, y + side)).resize((SIZE, SIZE), Image.BICUBIC)
    return np.asarray(im).transpose(2, 0, 1).tobytes().hex()


def main():
    os.makedirs(FOLDER, exist_ok=True)
    golden = {}
    rgb = base()
    im = Image.fromarray(rgb)
    grey = im.convert("L")
    y, x = np.mgrid[0:H, 0:W]
    alpha = np.clip(255 - 9 * np.hypot(x - 22, y - 15), 0, 255).astype(np.uint8)
    rgba = Image.fromarray(np.dstack([rgb, alpha]))

    def save(name, picture, expect=None, **options):
        path = os.path.join(FOLDER, name)
        picture.save(path, **options)
        if expect is None:
            expect = over(ImageOps.exif_transpose(Image.open(path)))
        golden[name] = sample(expect)

    save("rgb.png", im)
    save("grey.png", grey)
    save("rgba.png", rgba)
    save("grey-alpha.png", Image.merge("LA", (grey, Image.fromarray(alpha))))
    save("palette.png", im.quantize(20))
    save("palette-transparent.png", im.quantize(20), transparency=3)
    save("bits.png", grey.point(lambda v: 255 * (v > 120)).convert("1"))
    save("exif.png", im, exif=orientation(6))
    save("small.png", im.resize((9, 7)))
    deep = rgb.astype(np.uint16) * 257
    path = os.path.join(FOLDER, "deep.png")
    png(path, W, H, 16, 2, [r.astype(">u2").tobytes() for r in deep])
    golden["deep.png"] = sample(im)
    g16 = deep[..., 1] // 3
    png(os.path.join(FOLDER, "deep-grey.png"), W, H, 16, 0, [r.astype(">u2").tobytes() for r in g16])
    golden["deep-grey.png"] = sample(Image.fromarray(np.dstack([np.rint(g16 / 257).astype(np.uint8)] * 3)))

    save("rgb.jpg", im, quality=92, subsampling=0)
    save("subsampled.jpg", im, quality=92, subsampling=2)
    save("progressive.jpg", im, quality=92, subsampling=0, progressive=True)
    save("grey.jpg", grey, quality=92)
    save("cmyk.jpg", im.convert("CMYK"), quality=92)
    for o in range(1, 9):
        save(f"exif-{o}.jpg", im, quality=92, subsampling=0, exif=orientation(o))
    save("UPPER.JPEG", im, quality=92, subsampling=0)

    save("plain.gif", im.quantize(30))
    transparent = im.quantize(30)
    save("transparent.gif", transparent, transparency=5)
    frames = [im.quantize(30), im.transpose(Image.FLIP_LEFT_RIGHT).quantize(30)]
    save("film.gif", frames[0], save_all=True, append_images=frames[1:], duration=50)

    save("rgb.bmp", im)
    save("grey.bmp", grey)
    save("palette.bmp", im.quantize(20))

    save("lossy.webp", im, quality=95)
    save("lossless.webp", im, lossless=True)
    save("alpha.webp", rgba, lossless=True, exact=True)
    save("lossy-alpha.webp", rgba, quality=95)
    save("exif.webp", im, lossless=True, exif=orientation(8))

    # A JPEG by the name of a PNG, and the other way round.
    for name, options in (("jpeg.png", dict(format="JPEG", quality=92, subsampling=0)), ("png.jpg", dict(format="PNG"))):
        save(name, im, **options)
    with open(os.path.join(HERE, "golden.json"), "w") as f:
        json.dump(golden, f, indent=0, sort_keys=True)
        f.write("\n")


main()
