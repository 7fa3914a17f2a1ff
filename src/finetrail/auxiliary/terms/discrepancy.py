"""The maximum mean discrepancy of features (Gretton et al. 2012; Long et al. 2015), with a gradient."""

import torch
from torch import Tensor

from finetrail.evaluation.shift.discrepancy import BANDWIDTHS


def discrepancy(source: Tensor, target: Tensor) -> Tensor:
    """The unbiased squared MMD of features (B, D) and (M, D), as in `finetrail.evaluation.shift.discrepancy`.

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
