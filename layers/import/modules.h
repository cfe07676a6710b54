/* SPDX-License-Identifier: MIT */
/* modules.h: a checkpoint as a tree of modules with tensors.  Private.
 *
 * A state_dict has only names such as "flows.0.s.net.2.weight": the dots define the tree, and
 * modules have no class.  A pickled module has the same tree, with a class and attributes for each
 * module. */
#ifndef CLF_MODULES_H
#define CLF_MODULES_H
#include "dtype.h"
#include "pickle.h"

enum { CLF_IM_RANK = 8 };

typedef struct clf__im_module clf__im_module;

/* A tensor of a file: a view of little-endian numbers in a storage. */
typedef struct clf__im_tensor {
  const char *name; /* in its module: "weight" */
  const clf__im_module *in;
  const clf__dtype *dtype;
  int rank;
  int64_t dim[CLF_IM_RANK], stride[CLF_IM_RANK], offset; /* in elements */
  int64_t count;                                         /* the product of dim */
  const unsigned char *bytes;                            /* of the storage */
  int used; /* 1: the import used it, or does not need it */
  struct clf__im_tensor *next;
} clf__im_tensor;

struct clf__im_module {
  const char *name;    /* in its parent: "hyper" */
  const char *cls;     /* "nflows.transforms.lu.LULinear"; "" in a state_dict */
  const clf__pk *self; /* the pickled object; NULL in a state_dict */
  clf__im_module *parent, *child, *last, *next;
  int children;
  clf__im_tensor *tensor, *last_tensor;
};

typedef struct clf__im_file clf__im_file;

/* Opens the bytes of a file of safetensors or torch.save(), which must remain valid. Errors:
 * EFORMAT says what the file is, or what is wrong with it; ENOTSUP; ENOMEM. */
clf_status clf__im_open(const void *bytes, size_t size, clf__im_file **file);
void clf__im_close(clf__im_file *file); /* NULL is a no-op */
clf__im_module *clf__im_root(const clf__im_file *file);
/* The pickled object, for data outside of modules; NULL: a state_dict. */
const clf__pk *clf__im_object(const clf__im_file *file);

/* Finds a child or a tensor by its name relative to a module, such as "initial_layer.weight"; NULL:
 * there is none. `m` may be NULL. */
clf__im_module *clf__im_child(const clf__im_module *m, const char *path);
clf__im_tensor *clf__im_find(const clf__im_module *m, const char *path);
/* Entry i of a list: for 3, the child with the name "3". */
clf__im_module *clf__im_at(const clf__im_module *m, int i);
/* The last word of its class: "LULinear". */
const char *clf__im_kind(const clf__im_module *m);
/* An attribute of a pickled module; NULL: none. */
const clf__pk *clf__im_attribute(const clf__im_module *m, const char *name);
/* Converts a pickled value to a tensor, which need not be in a module. Errors: EFORMAT. */
clf_status clf__im_tensor_of(clf__im_file *file, const clf__pk *v, clf__im_tensor *t);
int clf__im_is_tensor(const clf__pk *v);

/* The path of a module for messages, such as "net._transform._transforms.1"; and of a tensor. */
typedef struct clf__im_name {
  char s[256];
} clf__im_name;
clf__im_name clf__im_path(const clf__im_module *m);
clf__im_name clf__im_tensor_path(const clf__im_tensor *t);

/* Its elements in row-major order.  Errors: ENUM names the tensor and an element that is not
 * finite. */
clf_status clf__im_get(const clf__im_tensor *t, double *out);

#endif
