"""The maximum mean discrepancy of features (Gretton et al. 2012; Long et al. 2015), with a gradient."""

import torch
from torch import Tensor

BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Of the Gaussian kernels, whose mean is taken: these parts of the median squared distance of two examples."""


def discrepancy(source: Tensor, target: Tensor) -> Tensor:
    """The unbiased squared MMD of features (B, D) and (M, D).

    0 where a domain has a single example: there are no two to compare.
    """
    n, m = len(source), len(target)
    features = torch.cat([source, target]).float()
    if min(n, m) < 2:
        return features.sum() * 0
    squares = (features**2).sum(dim=1)
    distances = (squares[:, None] + squares[None] - 2 * features @ features.T).clamp(min=0)
    pairs = distances.detach()[torch.triu_indices(n + m, n + m, 1).unbind()]
    median = pairs.median().clamp(min=torch.finfo(pairs.dtype).tiny)
    kernel = torch.stack([torch.exp(-distances / (2 * part * median)) for part in BANDWIDTHS]).mean(dim=0)
    kernel = kernel - torch.diag(kernel.diagonal())
    return kernel[:n, :n].sum() / (n * (n - 1)) + kernel[n:, n:].sum() / (m * (m - 1)) - 2 * kernel[:n, n:].mean()
