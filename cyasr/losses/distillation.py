"""Knowledge distillation (Hinton et al., 2015): T^2 KL(teacher || student), both softened by the temperature T.

Hinton's alpha is the term's weight, where the weights of the other terms add up to 1 - alpha. The teacher's distributions
are its `top` best and, as one more class, what all others share: a lower bound of the whole divergence, equal to it where
`top` is the vocabulary. Summed over frames, the divergence of two CTC systems is that of their distributions over paths.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cyasr.losses.cross_entropy import IGNORE

NOTHING = -1e4  # natural log of no probability at all; finite, so that gradients are


@dataclass
class Teacher:
    """A teacher's distributions at the loss's temperature, at L places of each utterance.

    ids: (N, L, K) tokens, -1 where there is none; log_probs: (N, L, K); rest: (N, L), the log of what all others share;
    lengths: (N,) places, 0 where the teacher knows nothing of an utterance.
    """

    ids: Tensor
    log_probs: Tensor
    rest: Tensor
    lengths: Tensor

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Teacher:
        return Teacher(*(one.to(device, non_blocking=non_blocking) for one in vars(self).values()))


def divergence(student: Tensor, ids: Tensor, log_probs: Tensor, rest: Tensor) -> Tensor:
    """KL(teacher || student) at each place, in nats. student: (…, V) logs; ids, log_probs: (…, K); rest: (…). Returns (…)."""
    absent = student.shape[-1]
    padded = torch.cat([student, torch.full_like(student[..., :1], NOTHING)], dim=-1)
    ids = torch.where(ids < 0, absent, ids)
    others = padded.scatter(-1, ids, NOTHING).logsumexp(-1)
    student_log_probs = torch.cat([padded.gather(-1, ids), others[..., None]], dim=-1)
    teacher_log_probs = torch.cat([log_probs, rest[..., None]], dim=-1).clamp(min=NOTHING)
    return (teacher_log_probs.exp() * (teacher_log_probs - student_log_probs)).sum(-1)


def token_distillation(logits: Tensor, targets: Tensor, teacher: Teacher, temperature: float) -> Tensor:
    """Summed over tokens. logits: (N, U, V); targets: (N, U), IGNORE where padded; the teacher's places are tokens too."""
    known = torch.arange(targets.shape[1], device=targets.device) < teacher.lengths[:, None]
    counted = known & (targets != IGNORE)
    places = counted[:, : teacher.ids.shape[1]]
    student = (logits[counted].float() / temperature).log_softmax(-1)
    return temperature**2 * divergence(student, teacher.ids[places], teacher.log_probs[places], teacher.rest[places]).sum()


def frame_distillation(log_probs: Tensor, lengths: Tensor, teacher: Teacher, temperature: float) -> Tensor:
    """Summed over the student's frames, each compared with the teacher's at the same share of the utterance.

    log_probs: (N, T, V) natural log. Strides may differ, and the student may hear the utterance at another speed.
    """
    frames = torch.arange(log_probs.shape[1], device=log_probs.device)
    lengths = lengths.to(log_probs.device)[:, None]
    counted = (frames < lengths) & (teacher.lengths[:, None] > 0)
    same = (2 * frames + 1) * teacher.lengths[:, None] // (2 * lengths)  # the middle of the frame, in the teacher's
    rows = torch.arange(len(same), device=same.device)[:, None].expand_as(same)[counted], same[counted]
    student = (log_probs[counted].float() / temperature).log_softmax(-1)
    return temperature**2 * divergence(student, teacher.ids[rows], teacher.log_probs[rows], teacher.rest[rows]).sum()
