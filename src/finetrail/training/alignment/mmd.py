"""`mmd`: the maximum mean discrepancy of features (Gretton et al. 2012; Long et al. 2015)."""

import torch
from torch import Tensor

from finetrail.evaluation.shift.discrepancy import BANDWIDTHS
from finetrail.training.alignment.alignment import Alignment, Domain


class Mmd(Alignment):
    """The unbiased squared MMD, with the mean of several Gaussian kernels."""

    def forward(self, source: Domain, target: Domain, progress: float) -> Tensor:
        """0 where a domain has a single example: there are no two to compare."""
        return self.strength(progress) * discrepancy(source.features, target.features)


def discrepancy(source: Tensor, target: Tensor) -> Tensor:
    """The squared MMD of features (B, D) and (M, D); as `finetrail.evaluation.shift.discrepancy`, with a gradient."""
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
