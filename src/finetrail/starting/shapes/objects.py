"""A folder or an archive of images with masks of objects: masks that number them, or outlines in COCO's JSON."""

from collections.abc import Iterator

from finetrail.data.sources.coco import has_coco
from finetrail.starting.looking import Data
from finetrail.starting.shape import Choice, Seen, Shape
from finetrail.starting.shapes.mask_files import BACKGROUND, OBJECT, UNLABELLED, mask_files_in, seen_in_coco
from finetrail.starting.splitting import divided


class _Objects(Shape):
    task = ("image-segmentation", "instance_segmentation")
    recipe = "pennfudan-instances"
    looks = "images with masks in which each value above 0 is an object, or with outlines of objects in COCO's JSON"

    def recognise(self, data: Data) -> Seen | None:
        classes, objects = self.task
        if data.tree is None or data.asked.task == classes:
            return None
        if has_coco(data.files):  # that of boxes has asked which are learnt
            return seen_in_coco(data) if data.asked.task == objects else None
        found = mask_files_in(data)
        if found is None or not found.values:
            return None
        if found.may_number_objects:
            data.task_of(
                "has masks whose values count up from 0; is each value an object, or a class", (objects, classes)
            )
        if data.asked.task != objects:
            return None
        columns = {"classes": [BACKGROUND, OBJECT], "instances": True}
        ignored = {"ignore": [UNLABELLED]} if found.all_values > {0, UNLABELLED} else {}
        line = f"  each value of a mask above 0 is an object: {min(found.objects)} to {max(found.objects)} in a mask"
        return found.seen(data.name, line, columns | ignored)

    def params(self, data: Data, seen: Seen) -> Iterator[Choice]:
        yield Choice(("source", "path"), data.place, "" if seen.facts else seen.said[0].partition(": ")[2])
        if seen.facts:
            yield Choice(("source", "columns"), seen.facts, "each value above 0 is an object; give them their name")
        yield from divided(seen)


SHAPES = (_Objects(),)
