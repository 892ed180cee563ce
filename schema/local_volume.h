/* schema/local_volume.h: PersistentVolumes that are folders on a node: the names by which the
 * provisioner, the scheduler, the nodes and the syncer know them.
 *
 * Such a volume begins without a place. The scheduler pins it to the node of the first Pod that
 * uses it; from then on that node has its folder, and removes it before the volume may go. */
#pragma once

/* spec.csi.driver of the volumes, and the StorageClass's provisioner. */
#define LOCAL_VOLUME_DRIVER "local.warren.dev"
/* The label that names the node it is pinned to. */
#define LOCAL_VOLUME_NODE "local.warren.dev/node"
/* The finalizer that stays until that node has removed the folder. */
#define LOCAL_VOLUME_FINALIZER "local.warren.dev/contents"
