"""Steps of tests about images of tenants."""

from tests.support.cloud import BOB


def ask(scene, view, image=None, address=BOB, **options):
    names = {} if image is None else {"image_id": image}
    return scene.request(view, variables=names, key=scene.keys[address], **options)


def show(scene, image, address=BOB):
    return ask(scene, "get_image", image, address).json["data"]


def until(scene, image, status):
    for _ in range(60):
        scene.world.settle()
        shown = show(scene, image)
        if shown["status"] == status:
            return shown
        scene.world.pass_time(10)
    raise AssertionError(f"{status} is not reached: {shown}")
