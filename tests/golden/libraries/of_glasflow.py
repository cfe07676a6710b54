# SPDX-License-Identifier: MIT
"""What glasflow's copy of nflows has and nflows 0.14 has not."""

from glasflow.nflows.transforms.coupling import AffineCouplingTransform
from glasflow.nflows.utils import create_alternating_binary_mask
from libraries.of_nflows import Flow, mask_of, normal, of_resnet, resnet
from libraries.case import Case


def cases():
    """The scale is at most 3: some rows are above that, some below."""
    general = AffineCouplingTransform.GENERAL_SCALE_ACTIVATION
    layer = AffineCouplingTransform(create_alternating_binary_mask(5, even=True), resnet(None, 9, 1),
                                    scale_activation=general)  # fmt: skip
    arch = "5: coupling(affine(scale=general), resnet(9x1, relu)) -> normal"
    yield Case("glasflow_affine_general", arch, Flow([layer], normal(5)),
               of_resnet("layers.0.transform_net", "layers.0.net", 1), 5, constants=mask_of(0, layer),
               deviation=0.7)  # fmt: skip
