# SPDX-License-Identifier: MIT
"""Structs, constants and functions of the C library.  Written by scripts/bindings from include/clflow: do not edit."""

from __future__ import annotations

import ctypes as c
from typing import Any

VERSION = "0.1.0"

CLF_OK = 0
CLF_EINVAL = 1
CLF_ESHAPE = 2
CLF_ENOMEM = 3
CLF_ENODEV = 4
CLF_EBUILD = 5
CLF_ENOTSUP = 6
CLF_EDEVICE = 7
CLF_EMISMATCH = 8
CLF_EIO = 9
CLF_EFORMAT = 10
CLF_ENUM = 11
CLF_ESTOPPED = 12
CLF_COLUMN_NUMBER = 0
CLF_COLUMN_INTEGER = 1
CLF_COLUMN_BOOLEAN = 2
CLF_COLUMN_CATEGORY = 3
CLF_COLUMN_DATE = 4
CLF_ORDER_AUTO = 0
CLF_ORDER_NHWC = 1
CLF_ORDER_NCHW = 2
CLF_ROW_TRAIN = 0
CLF_ROW_VALID = 1
CLF_ROW_TEST = 2


class clf_device_info(c.Structure):
    _fields_ = [
        ("name", c.c_char * 64),
        ("platform", c.c_char * 128),
        ("device", c.c_char * 128),
        ("driver", c.c_char * 64),
        ("type", c.c_char * 16),
        ("family", c.c_char * 16),
        ("units", c.c_int32),
        ("clock_mhz", c.c_int32),
        ("memory", c.c_uint64),
        ("max_alloc", c.c_uint64),
        ("passes", c.c_int),
        ("chosen", c.c_int),
        ("why", c.c_char * 256),
    ]


class clf_tensor(c.Structure):
    _fields_ = [
        ("buf", c.c_void_p),
        ("offset", c.c_int32),
        ("dim", c.c_int32 * 4),
        ("stride", c.c_int32 * 4),
    ]


class clf_more(c.Union):
    _fields_ = [
        ("real", c.c_double),
        ("whole", c.c_int64),
        ("at", c.c_void_p),
    ]


class clf_column(c.Structure):
    _fields_ = [
        ("kind", c.c_int),
        ("category_count", c.c_int32),
        ("categories", c.POINTER(c.c_char_p)),
        ("form", c.c_char_p),
        ("unit", c.c_char_p),
        ("smallest", c.c_double),
        ("largest", c.c_double),
        ("decimals", c.c_int32),
    ]


class clf_columns(c.Structure):
    _fields_ = [
        ("count", c.c_int32),
        ("names", c.POINTER(c.c_char_p)),
        ("at", c.POINTER(clf_column)),
    ]


class clf_table(c.Structure):
    _fields_ = [
        ("rows", c.c_int64),
        ("cols", c.c_int32),
        ("at", c.c_void_p),
        ("names", c.POINTER(c.c_char_p)),
        ("notes", c.c_char_p),
        ("columns", c.POINTER(clf_column)),
        ("ids", c.POINTER(c.c_char_p)),
        ("id_name", c.c_char_p),
        ("numbers", c.c_void_p),
        ("missing", c.c_int64),
    ]


class clf_table_options(c.Structure):
    _fields_ = [
        ("header", c.c_int),
        ("delimiter", c.c_char),
        ("decimal", c.c_char),
        ("comment", c.c_char),
        ("skip", c.c_int64),
        ("columns", c.POINTER(c.c_char_p)),
        ("column_count", c.c_int32),
        ("drop", c.POINTER(c.c_char_p)),
        ("drop_count", c.c_int32),
        ("kinds", c.c_int),
        ("like", c.POINTER(clf_columns)),
        ("id", c.c_char_p),
        ("missing", c.c_int),
        ("height", c.c_int32),
        ("width", c.c_int32),
        ("channels", c.c_int32),
        ("order", c.c_int),
        ("more", clf_more * 6),
    ]


class clf_column_grid(c.Structure):
    _fields_ = [
        ("step", c.c_double),
        ("first", c.c_double),
        ("last", c.c_double),
    ]


class clf_image_options(c.Structure):
    _fields_ = [
        ("height", c.c_int32),
        ("width", c.c_int32),
        ("channels", c.c_int32),
        ("crop", c.c_int),
        ("strict", c.c_int),
        ("bits", c.c_int32),
        ("order", c.c_int),
        ("more", clf_more * 7),
    ]


class clf_realnvp_variant(c.Structure):
    _fields_ = [
        ("scale_first", c.c_int32),
        ("odd_first", c.c_int32),
        ("paper_logit", c.c_int32),
        ("no_norm", c.c_int32),
        ("bn_rho", c.c_double),
    ]


class clf_flow_spec(c.Structure):
    _fields_ = [
        ("kind", c.c_int),
        ("dim", c.c_int32),
        ("hidden", c.c_int32),
        ("depth", c.c_int32),
        ("s_max", c.c_double),
        ("bins", c.c_int32),
        ("xmin", c.c_double),
        ("xmax", c.c_double),
        ("tails", c.c_int32),
        ("seed", c.c_uint64),
        ("height", c.c_int32),
        ("width", c.c_int32),
        ("channels", c.c_int32),
        ("scales", c.c_int32),
        ("blocks", c.c_int32),
        ("levels", c.c_int32),
        ("alpha", c.c_double),
        ("variant", clf_realnvp_variant),
    ]


class clf_param(c.Structure):
    _fields_ = [
        ("name", c.c_char * 64),
        ("rank", c.c_int),
        ("trainable", c.c_int16),
        ("decays", c.c_int16),
        ("at", clf_tensor),
    ]


class clf_history(c.Structure):
    _fields_ = [
        ("epochs", c.c_int64),
        ("steps", c.c_int64),
        ("train", c.c_double),
        ("valid", c.c_double),
        ("best_epoch", c.c_int64),
        ("best_train", c.c_double),
        ("best_step", c.c_int64),
        ("averaged", c.c_int),
        ("early", c.c_int64),
        ("reverse", c.c_int),
    ]


class clf_fit_data(c.Structure):
    _fields_ = [
        ("x", c.POINTER(clf_table)),
        ("given", c.POINTER(clf_table)),
        ("weights", c.c_void_p),
        ("part", c.c_void_p),
        ("name", c.c_char_p),
        ("more", clf_more * 4),
    ]


class clf_fit_options(c.Structure):
    _fields_ = [
        ("seconds", c.c_double),
        ("seed", c.c_uint64),
        ("valid", c.c_double),
        ("test", c.c_double),
        ("refit", c.c_int),
        ("quick", c.c_int),
        ("repeat", c.c_char_p),
        ("more", clf_more * 8),
    ]


class clf_fit_progress(c.Structure):
    _fields_ = [
        ("name", c.c_char_p),
        ("step", c.c_int64),
        ("steps", c.c_int64),
        ("seconds", c.c_double),
        ("budget", c.c_double),
        ("best", c.c_char_p),
        ("best_valid", c.c_double),
        ("best_error", c.c_double),
        ("ended", c.c_char_p),
        ("valid", c.c_double),
        ("valid_error", c.c_double),
        ("note", c.c_char_p),
    ]

clf_fit_progress_fn = c.CFUNCTYPE(c.c_int, c.POINTER(clf_fit_progress), c.c_void_p)


class clf_train_value(c.Union):
    _fields_ = [
        ("real", c.c_double),
        ("whole", c.c_int64),
        ("choice", c.c_int),
    ]


class clf_train_options(c.Structure):
    _fields_ = [
        ("epochs", c.c_int64),
        ("batch", c.c_int32),
        ("lr", c.c_double),
        ("beta1", c.c_double),
        ("beta2", c.c_double),
        ("eps", c.c_double),
        ("shuffle", c.c_int),
        ("valid_split", c.c_double),
        ("standardize", c.c_int),
        ("seed", c.c_uint64),
        ("eps_hat", c.c_int),
        ("l2", c.c_double),
        ("clip", c.c_double),
        ("flip", c.c_int),
        ("part", c.c_int32),
        ("memory", c.c_uint64),
        ("drops", c.c_int32),
        ("activations", c.c_int),
        ("more", clf_train_value * 16),
    ]


class clf_train_option(c.Structure):
    _fields_ = [
        ("name", c.c_char_p),
        ("option", c.c_char * 64),
        ("range", c.c_char * 96),
        ("standard", c.c_char_p),
        ("tables", c.c_char_p),
        ("images", c.c_char_p),
        ("help", c.c_char_p),
    ]


class clf_preset(c.Structure):
    _fields_ = [
        ("name", c.c_char_p),
        ("text", c.c_char_p),
        ("height", c.c_int32),
        ("width", c.c_int32),
        ("channels", c.c_int32),
        ("scales", c.c_int32),
        ("features", c.c_int32),
        ("blocks", c.c_int32),
        ("scale_first", c.c_int32),
        ("crop", c.c_int),
        ("flip", c.c_int),
        ("batch", c.c_int32),
        ("arch", c.c_char_p),
        ("values", c.c_char_p),
        ("options", c.c_char_p),
    ]


class clf_train_data(c.Structure):
    _fields_ = [
        ("x", c.POINTER(clf_table)),
        ("given", c.POINTER(clf_table)),
        ("weights", c.c_void_p),
        ("valid", c.POINTER(clf_table)),
        ("valid_given", c.POINTER(clf_table)),
        ("valid_weights", c.c_void_p),
        ("more", clf_more * 4),
    ]


class clf_image_data(c.Structure):
    _fields_ = [
        ("images", c.c_void_p),
        ("given", c.POINTER(clf_table)),
        ("valid", c.c_void_p),
        ("valid_given", c.POINTER(clf_table)),
        ("more", clf_more * 4),
    ]


class clf_progress(c.Structure):
    _fields_ = [
        ("epoch", c.c_int64),
        ("epochs", c.c_int64),
        ("step", c.c_int64),
        ("steps", c.c_int64),
        ("epoch_done", c.c_int),
        ("losses", c.c_void_p),
        ("first", c.c_int64),
        ("count", c.c_int64),
        ("train", c.c_double),
        ("valid", c.c_double),
        ("averaged", c.c_int),
        ("best", c.c_int),
        ("lr", c.c_double),
        ("grad_norm", c.c_double),
        ("dropped", c.c_char_p),
        ("stored", c.c_char_p),
        ("unbounded", c.c_char_p),
        ("ended", c.c_char_p),
        ("recovered", c.c_char_p),
        ("rate", c.c_double),
        ("seconds", c.c_double),
        ("left", c.c_double),
    ]

clf_progress_fn = c.CFUNCTYPE(c.c_int, c.POINTER(clf_progress), c.c_void_p)


STRUCTS: list[type[c.Structure] | type[c.Union]] = [
    clf_device_info,
    clf_tensor,
    clf_more,
    clf_column,
    clf_columns,
    clf_table,
    clf_table_options,
    clf_column_grid,
    clf_image_options,
    clf_realnvp_variant,
    clf_flow_spec,
    clf_param,
    clf_history,
    clf_fit_data,
    clf_fit_options,
    clf_fit_progress,
    clf_train_value,
    clf_train_options,
    clf_train_option,
    clf_preset,
    clf_train_data,
    clf_image_data,
    clf_progress,
]

# name: (what it returns, its arguments)
FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "clf_abi": (c.c_int64, [c.c_char_p]),
    "clf_arch_free": (None, [c.c_void_p]),
    "clf_arch_of_spec": (c.c_int, [c.POINTER(clf_flow_spec), c.POINTER(c.c_void_p)]),
    "clf_arch_parse": (c.c_int, [c.c_char_p, c.POINTER(c.c_void_p)]),
    "clf_arch_text": (c.c_char_p, [c.c_void_p]),
    "clf_close": (None, [c.c_void_p]),
    "clf_column_text": (c.c_size_t, [c.POINTER(clf_column), c.c_double, c.c_char_p, c.c_size_t]),
    "clf_column_value": (c.c_int, [c.POINTER(clf_column), c.c_char_p, c.c_void_p]),
    "clf_dequantize": (None, [c.c_void_p, c.c_int64, c.c_int32, c.c_uint64, c.c_int64, c.c_void_p]),
    "clf_device_name": (c.c_char_p, [c.c_void_p]),
    "clf_devices": (c.c_int, [c.c_int, c.POINTER(c.POINTER(clf_device_info)), c.c_void_p]),
    "clf_errmsg": (c.c_char_p, []),
    "clf_export_pytorch": (c.c_int, [c.c_void_p, c.c_char_p]),
    "clf_fit": (c.c_int, [c.c_void_p, c.POINTER(clf_fit_data), c.POINTER(clf_fit_options), clf_fit_progress_fn, c.c_void_p, c.POINTER(c.c_void_p)]),
    "clf_fit_options_default": (clf_fit_options, []),
    "clf_fit_options_set": (c.c_int, [c.POINTER(clf_fit_options), c.c_char_p, c.c_char_p]),
    "clf_flow_arch": (c.c_void_p, [c.c_void_p]),
    "clf_flow_columns": (c.POINTER(c.c_char_p), [c.c_void_p]),
    "clf_flow_context": (c.c_int32, [c.c_void_p]),
    "clf_flow_context_columns": (c.POINTER(c.c_char_p), [c.c_void_p]),
    "clf_flow_context_table": (c.POINTER(clf_columns), [c.c_void_p]),
    "clf_flow_create_arch": (c.c_int, [c.c_void_p, c.c_void_p, c.c_uint64, c.POINTER(c.c_void_p)]),
    "clf_flow_free": (None, [c.c_void_p]),
    "clf_flow_get_spec": (c.POINTER(clf_flow_spec), [c.c_void_p]),
    "clf_flow_grid": (c.POINTER(clf_column_grid), [c.c_void_p]),
    "clf_flow_history": (clf_history, [c.c_void_p]),
    "clf_flow_image_order": (c.c_int, [c.c_void_p]),
    "clf_flow_is_scaled": (c.c_int, [c.c_void_p]),
    "clf_flow_kinds": (c.POINTER(clf_column), [c.c_void_p]),
    "clf_flow_load": (c.c_int, [c.c_void_p, c.c_char_p, c.POINTER(clf_flow_spec), c.POINTER(c.c_void_p)]),
    "clf_flow_load_memory": (c.c_int, [c.c_void_p, c.c_void_p, c.c_size_t, c.POINTER(clf_flow_spec), c.POINTER(c.c_void_p)]),
    "clf_flow_observation": (c.c_void_p, [c.c_void_p]),
    "clf_flow_param": (clf_param, [c.c_void_p, c.c_int]),
    "clf_flow_param_count": (c.c_int, [c.c_void_p]),
    "clf_flow_record": (c.c_char_p, [c.c_void_p]),
    "clf_flow_save": (c.c_int, [c.c_void_p, c.c_char_p]),
    "clf_flow_save_memory": (c.c_int, [c.c_void_p, c.POINTER(c.c_void_p), c.c_void_p]),
    "clf_flow_set_context_table": (c.c_int, [c.c_void_p, c.POINTER(clf_columns)]),
    "clf_flow_set_first_row": (None, [c.c_void_p, c.c_int64]),
    "clf_flow_set_grid": (c.c_int, [c.c_void_p, c.POINTER(clf_column_grid)]),
    "clf_flow_set_image_order": (c.c_int, [c.c_void_p, c.c_int]),
    "clf_flow_weight_count": (c.c_int64, [c.c_void_p]),
    "clf_group_agree": (c.c_int, [c.c_void_p, c.c_int]),
    "clf_group_free": (None, [c.c_void_p]),
    "clf_group_threads": (c.c_int, [c.c_int32, c.POINTER(c.c_void_p)]),
    "clf_image_order_find": (c.c_int, [c.c_char_p, c.c_int, c.c_void_p, c.c_int32, c.c_int32, c.c_int32, c.c_int, c.c_void_p]),
    "clf_images_free": (None, [c.c_void_p]),
    "clf_images_open": (c.c_int, [c.c_char_p, c.POINTER(clf_image_options), c.POINTER(c.c_void_p)]),
    "clf_images_wait": (c.c_int, [c.c_void_p]),
    "clf_import": (c.c_int, [c.c_void_p, c.c_char_p, c.c_char_p, c.POINTER(c.c_void_p), c.POINTER(c.c_void_p)]),
    "clf_import_memory": (c.c_int, [c.c_void_p, c.c_void_p, c.c_size_t, c.c_char_p, c.POINTER(c.c_void_p), c.POINTER(c.c_void_p)]),
    "clf_invert": (c.c_int, [c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p, c.c_void_p]),
    "clf_invert_given": (c.c_int, [c.c_void_p, c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p, c.c_void_p]),
    "clf_log_prob": (c.c_int, [c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p]),
    "clf_log_prob_float": (c.c_int, [c.c_void_p, c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p]),
    "clf_log_prob_given": (c.c_int, [c.c_void_p, c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p]),
    "clf_log_prob_gradient": (c.c_int, [c.c_void_p, c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p, c.c_void_p, c.c_void_p]),
    "clf_open": (c.c_int, [c.c_char_p, c.POINTER(c.c_void_p)]),
    "clf_preset_arch": (c.c_int, [c.POINTER(clf_preset), c.c_char_p, c.POINTER(c.c_void_p)]),
    "clf_preset_at": (c.POINTER(clf_preset), [c.c_int]),
    "clf_preset_count": (c.c_int, []),
    "clf_preset_find": (c.c_int, [c.c_char_p, c.POINTER(c.POINTER(clf_preset))]),
    "clf_preset_options": (c.c_int, [c.POINTER(clf_preset), c.POINTER(clf_train_options)]),
    "clf_read64": (c.c_int, [c.c_void_p, clf_tensor, c.c_void_p]),
    "clf_sample": (c.c_int, [c.c_void_p, c.c_uint64, c.c_int64, c.c_int64, c.c_void_p]),
    "clf_sample_given": (c.c_int, [c.c_void_p, c.c_void_p, c.c_int64, c.c_uint64, c.c_int64, c.c_void_p]),
    "clf_set_listener": (None, [c.c_void_p, c.c_void_p]),
    "clf_strerror": (c.c_char_p, [c.c_int]),
    "clf_table_discrete": (c.c_int, [c.POINTER(clf_table), c.c_int32, c.POINTER(clf_column_grid)]),
    "clf_table_free": (None, [c.POINTER(clf_table)]),
    "clf_table_one_hot": (c.c_int, [c.POINTER(clf_table)]),
    "clf_table_options_set": (c.c_int, [c.POINTER(clf_table_options), c.c_char_p, c.c_char_p]),
    "clf_table_read_with": (c.c_int, [c.c_char_p, c.POINTER(clf_table_options), c.POINTER(clf_table)]),
    "clf_train_grains_for": (c.c_int32, [c.c_int32]),
    "clf_train_option_at": (clf_train_option, [c.c_int]),
    "clf_train_option_count": (c.c_int, []),
    "clf_train_options_get": (c.c_int, [c.POINTER(clf_train_options), c.c_char_p, c.c_char_p, c.c_size_t]),
    "clf_train_options_images": (clf_train_options, []),
    "clf_train_options_set": (c.c_int, [c.POINTER(clf_train_options), c.c_char_p, c.c_char_p]),
    "clf_train_options_tables": (clf_train_options, []),
    "clf_trainer_create_images_with": (c.c_int, [c.c_void_p, c.POINTER(clf_image_data), c.POINTER(clf_train_options), c.POINTER(c.c_void_p)]),
    "clf_trainer_create_with": (c.c_int, [c.c_void_p, c.POINTER(clf_train_data), c.POINTER(clf_train_options), c.POINTER(c.c_void_p)]),
    "clf_trainer_free": (None, [c.c_void_p]),
    "clf_trainer_run": (c.c_int, [c.c_void_p, clf_progress_fn, c.c_void_p]),
    "clf_trainer_set_group": (c.c_int, [c.c_void_p, c.c_void_p, c.c_void_p]),
    "clf_transform": (c.c_int, [c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p, c.c_void_p]),
    "clf_transform_given": (c.c_int, [c.c_void_p, c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p, c.c_void_p]),
    "clf_version": (c.c_char_p, []),
}
