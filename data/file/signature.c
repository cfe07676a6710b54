/* SPDX-License-Identifier: MIT */
/* signature.c: recognises file formats by the first bytes. */
#include "signature.h"

#include <string.h>

#include "file.h"

static const struct magic {
  clf__group group;
  const char *name;
  int offset, size;
  const char *bytes;
} magics[] = {
    {CLF_IMAGE, "a PNG image", 0, 8, "\x89PNG\r\n\x1a\n"},
    {CLF_IMAGE, "a JPEG image", 0, 3, "\xff\xd8\xff"},
    {CLF_IMAGE, "a WebP image", 8, 4, "WEBP"},
    {CLF_IMAGE, "a GIF image", 0, 4, "GIF8"},
    {CLF_IMAGE, "a TIFF image", 0, 4, "II*\0"},
    {CLF_IMAGE, "a TIFF image", 0, 4, "MM\0*"},
    {CLF_IMAGE, "a TIFF image", 0, 4, "II+\0"},
    {CLF_IMAGE, "an AVIF image", 4, 8, "ftypavif"},
    {CLF_IMAGE, "a HEIF image", 4, 8, "ftypheic"},
    {CLF_IMAGE, "a HEIF image", 4, 8, "ftypmif1"},
    {CLF_IMAGE, "a JPEG 2000 image", 4, 8, "jP  \r\n\x87\n"},
    {CLF_IMAGE, "a JPEG XL image", 0, 2, "\xff\x0a"},
    {CLF_NUMPY, "an NPY file of NumPy", 0, 6, "\x93NUMPY"},
    {CLF_TABLE, "a Parquet file", 0, 4, "PAR1"},
    {CLF_TABLE, "an Arrow file", 0, 6, "ARROW1"},
    {CLF_TABLE, "a MATLAB file", 0, 10, "MATLAB 5.0"},
    {CLF_TABLE, "an Excel workbook", 0, 8, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"},
    {CLF_TABLE, "a FITS file", 0, 9, "SIMPLE  ="},
    {CLF_MODEL, "an HDF5 file", 0, 8, "\x89HDF\r\n\x1a\n"},
    {CLF_MODEL, "a GGUF model", 0, 4, "GGUF"},
    {CLF_MODEL, "a TensorFlow Lite model", 4, 4, "TFL3"},
    {CLF_ARCHIVE, "a gzip file", 0, 2, "\x1f\x8b"},
    {CLF_ARCHIVE, "a bzip2 file", 0, 3, "BZh"},
    {CLF_ARCHIVE, "an xz file", 0, 6,
     "\xfd"
     "7zXZ\0"},
    {CLF_ARCHIVE, "a zstd file", 0, 4, "\x28\xb5\x2f\xfd"},
    {CLF_ARCHIVE, "a 7-Zip archive", 0, 6, "7z\xbc\xaf\x27\x1c"},
    {CLF_ARCHIVE, "a tar archive", 257, 5, "ustar"},
};

static int has(const unsigned char *b, size_t size, size_t offset, const char *bytes, size_t n) {
  return size >= offset + n && memcmp(b + offset, bytes, n) == 0;
}

int clf__is_png(const void *bytes, size_t size) {
  return has(bytes, size, 0, "\x89PNG\r\n\x1a\n", 8);
}

int clf__is_jpeg(const void *bytes, size_t size) { return has(bytes, size, 0, "\xff\xd8\xff", 3); }

/* ---- Formats without fixed first bytes ------------------------------------------------------- */

/* Whether n bytes contain a text. */
static int contains(const unsigned char *b, size_t n, const char *text) {
  const size_t m = strlen(text);
  for (size_t i = 0; i + m <= n; i++)
    if (memcmp(b + i, text, m) == 0) return 1;
  return 0;
}

/* The format of an archive, by the name of its first file, which begins at byte 30. */
static clf__kind zip(const unsigned char *b, size_t size) {
  static const struct {
    clf__group group;
    const char *name, *text;
  } kinds[] = {{CLF_TORCH, "a file of torch.save", "/data.pkl"},
               {CLF_TORCH, "a file of torch.save", "/.format_version"},
               {CLF_TORCH, "a file of torch.save", "/byteorder"},
               {CLF_TORCH, "a file of torch.save", "/version"},
               {CLF_TABLE, "an NPZ file of NumPy", ".npy"},
               {CLF_TABLE, "an Excel workbook", "[Content_Types].xml"},
               {CLF_TABLE, "an Excel workbook", "_rels/"},
               {CLF_TABLE, "an Excel workbook", "xl/"},
               {CLF_MODEL, "a Keras model", "metadata.json"},
               {CLF_MODEL, "a Keras model", "config.json"}};
  const size_t room = size > 30 ? size - 30 : 0, length = room ? b[26] | (size_t)b[27] << 8 : 0;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (contains(b + 30, length < room ? length : room, kinds[i].text))
      return (clf__kind){kinds[i].group, kinds[i].name};
  return (clf__kind){CLF_ARCHIVE, "a ZIP archive"};
}

/* Protocols 2 to 5 begin with their number, 0 and 1 directly with an object. */
static int is_pickle(const unsigned char *b, size_t size) {
  static const char *const begins[] = {"(dp0\n", "(lp0\n",         "ccollections\n", "ccopy_reg\n",
                                       "(dq\1c", "c__builtin__\n", "cnumpy",         "ctorch"};
  if (size >= 3 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5) return 1;
  for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
    if (has(b, size, 0, begins[i], strlen(begins[i]))) return 1;
  return 0;
}

/* The header's length in 8 bytes, and an object. */
static int is_safetensors(const unsigned char *b, size_t size) {
  return size >= 9 && b[8] == '{' && !b[4] && !b[5] && !b[6] && !b[7];
}

/* A protocol buffers message: its version, then the name of the producer. */
static int is_onnx(const unsigned char *b, size_t size) {
  return size >= 4 && b[0] == 8 && b[1] >= 3 && b[1] < 32 && b[2] == 0x12 && b[3] < 64;
}

static int is_text(const unsigned char *b, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (!b[i] || b[i] == 0x7f || (b[i] < ' ' && !strchr("\t\r\n", b[i])) || b[i] >= 0xf8) return 0;
  return size > 0;
}

static clf__kind text(const unsigned char *b) {
  if (*b == '{' || *b == '[') return (clf__kind){CLF_TEXT, "a JSON file"};
  return (clf__kind){CLF_TEXT, "a text file"};
}

/* In a bitmap the header's length follows at byte 14. */
static int is_bmp(const unsigned char *b, size_t size) {
  return size >= 18 && b[0] == 'B' && b[1] == 'M' && !b[15] && !b[16] && !b[17];
}

clf__kind clf__kind_of(const void *bytes, size_t size) {
  const unsigned char *const b = bytes;
  if (size > CLF_KIND_BYTES) size = CLF_KIND_BYTES;
  if (is_safetensors(b, size)) return (clf__kind){CLF_SAFETENSORS, "a safetensors file"};
  if (has(b, size, 0, "PK\3\4", 4)) return zip(b, size);
  for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
    const struct magic *const m = &magics[i];
    if (has(b, size, (size_t)m->offset, m->bytes, (size_t)m->size))
      return (clf__kind){m->group, m->name};
  }
  if (is_bmp(b, size)) return (clf__kind){CLF_IMAGE, "a BMP image"};
  if (is_pickle(b, size))
    return (clf__kind){CLF_TORCH, "a pickle of Python, as torch.save wrote before version 1.6"};
  if (is_onnx(b, size)) return (clf__kind){CLF_MODEL, "an ONNX model"};
  if (is_text(b, size)) return text(b);
  return (clf__kind){CLF_UNKNOWN, ""};
}

clf__kind clf__kind_of_file(const char *path) {
  char head[CLF_KIND_BYTES];
  size_t size = 0;
  if (clf__file_head(path, head, sizeof head, &size) != CLF_OK) size = 0;
  return clf__kind_of(head, size);
}
