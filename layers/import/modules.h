/* SPDX-License-Identifier: MIT */
/* modules.h: a checkpoint as a tree of modules with tensors.  Private.
 *
 * A file of tensors alone (a state_dict) gives names such as "flows.0.s.net.2.weight": the tree
 * follows from the dots, and modules have no class.  A pickled module gives the same tree with a
 * class and attributes for each module. */
#ifndef CLF_MODULES_H
#define CLF_MODULES_H
#include "dtype.h"
#include "pickle.h"

enum { CLF_IM_RANK = 8 };

typedef struct clf__im_module clf__im_module;

/* A tensor as its file has it: a view of little-endian numbers in a storage. */
typedef struct clf__im_tensor {
  const char *name; /* in its module: "weight" */
  const clf__im_module *in;
  const clf__dtype *dtype;
  int rank;
  int64_t dim[CLF_IM_RANK], stride[CLF_IM_RANK], offset; /* in elements */
  int64_t count;                                         /* the product of dim */
  const unsigned char *bytes;                            /* of the storage */
  int used; /* 1: the import took it, or knows that it does not matter */
  struct clf__im_tensor *next;
} clf__im_tensor;

struct clf__im_module {
  const char *name;    /* in its parent: "hyper" */
  const char *cls;     /* "nflows.transforms.lu.LULinear"; "" where the file has tensors alone */
  const clf__pk *self; /* the object; NULL likewise */
  clf__im_module *parent, *child, *last, *next;
  int children;
  clf__im_tensor *tensor, *last_tensor;
};

typedef struct clf__im_file clf__im_file;

/* Opens the bytes of a file, which must stay: safetensors, or what torch.save() wrote.
 * Errors: EFORMAT says what the file is, or what is wrong with it; ENOTSUP; ENOMEM. */
clf_status clf__im_open(const void *bytes, size_t size, clf__im_file **file);
void clf__im_close(clf__im_file *file); /* NULL is a no-op */
clf__im_module *clf__im_root(const clf__im_file *file);
/* The pickled object, for what lies outside of modules; NULL: the file has tensors alone. */
const clf__pk *clf__im_object(const clf__im_file *file);

/* A child or a tensor by its name below a module, as "initial_layer.weight"; NULL: there is none.
 * `m` may be NULL. */
clf__im_module *clf__im_child(const clf__im_module *m, const char *path);
clf__im_tensor *clf__im_find(const clf__im_module *m, const char *path);
/* Child number i of a list: that called "3". */
clf__im_module *clf__im_at(const clf__im_module *m, int i);
/* The last word of its class: "LULinear". */
const char *clf__im_kind(const clf__im_module *m);
/* An attribute of a pickled module; NULL: none. */
const clf__pk *clf__im_attribute(const clf__im_module *m, const char *name);
/* The tensor that a pickled value is, which need not be in a module.  Errors: EFORMAT. */
clf_status clf__im_tensor_of(clf__im_file *file, const clf__pk *v, clf__im_tensor *t);
int clf__im_is_tensor(const clf__pk *v);

/* "net._transform._transforms.1", as messages name it; the same of a tensor. */
typedef struct clf__im_name {
  char s[256];
} clf__im_name;
clf__im_name clf__im_path(const clf__im_module *m);
clf__im_name clf__im_tensor_path(const clf__im_tensor *t);

/* Its elements in row-major order.  Errors: ENUM names the tensor and an element that is not
 * finite. */
clf_status clf__im_get(const clf__im_tensor *t, double *out);

#endif
