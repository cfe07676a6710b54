/* SPDX-License-Identifier: MIT */
/* arch.h: architectures: what a flow consists of, as one tree with two spellings.
 *
 * Text, for people:
 *   6: (perm(random), lu, coupling(rq(bins=8, tail=3), resnet(256x2, relu)))*10, perm(random), lu
 * -> normal 3|10: standardize, (ar(affine(scale=softplus), made(50x2, tanh, residual=0)), perm)*5
 * -> normal; context: standardize
 *
 *   flow    = D [ '|' C ] ':' [ layers ] '->' base [ ';' 'context' ':' items ]
 *   layers  = item ( ',' item )*
 *   item    = [ '~' ] name [ '.' label ] [ '(' arguments ')' ] [ '*' n ]  |  '(' layers ')' '*' n
 *   items   = item ( ',' item )*, in which a net has '->' and its outputs: mlp(64x2)->16
 *
 * D is the dimension of the data, or HEIGHTxWIDTHxCHANNELS of images, C the dimension of the
 * context.  Layers stand in density direction, from data to latent; '~' inverts one.  Arguments
 * are `name=value`, or the value alone where it can be no other.  `$i` is the number of the
 * repetition, from 0, `$alt` alternates between 0 and 1.  A '#' begins a comment.  All nodes and
 * their arguments: docs/architecture.md, made from clflow/arch.def.
 *
 * JSON, for files: {"version": 1, "dim": 6, "context_dim": 0, "layers": [{"layer": "lu"}, ...],
 * "base": {"kind": "normal"}}.
 *
 * Both are read with the same checks and turn into each other without loss. */
#ifndef CLFLOW_ARCH_H
#define CLFLOW_ARCH_H
#include "clflow/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clf_arch clf_arch; /* never changes once made */

/* Reads an architecture from text, which ends with a zero.
 * Errors: EINVAL says at which character, what was expected there and what was found, and for a
 * name that does not exist the nearest one; text longer than 1 MiB, parentheses nested more than 32
 * deep and flows of more than 65,536 layers are refused; ENOMEM. */
CLF_API clf_status clf_arch_parse(const char *text, clf_arch **arch);

/* The same from JSON.  Errors: EINVAL says where in the tree and what is wrong; ENOMEM. */
CLF_API clf_status clf_arch_from_json(const char *json, clf_arch **arch);

CLF_API void clf_arch_free(clf_arch *arch); /* NULL is a no-op */

/* Its text, without what has its default value; its JSON, with every member.  Both belong to the
 * architecture and are valid until it is freed.  Reading either gives the same architecture. */
CLF_API const char *clf_arch_text(const clf_arch *arch);
CLF_API const char *clf_arch_json(const clf_arch *arch);

CLF_API int32_t clf_arch_dim(const clf_arch *arch);     /* D of the data; of images H W C */
CLF_API int32_t clf_arch_context(const clf_arch *arch); /* C of the context as given; 0: none */
/* Layers of the flow with every repetition counted. */
CLF_API int32_t clf_arch_layers(const clf_arch *arch);
/* 1 and the shape if the data are images, else 0. */
CLF_API int clf_arch_shape(const clf_arch *arch, int32_t *height, int32_t *width,
                           int32_t *channels);

#ifdef __cplusplus
}
#endif
#endif
