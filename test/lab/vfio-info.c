// The reference for udrv's `vfio info`: the kernel's structs of a device, opened by its group, as JSON.
// usage: vfio-info GROUP ADDRESS
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	char path[64];
	snprintf(path, sizeof path, "/dev/vfio/%s", argv[1]);
	int container = open("/dev/vfio/vfio", O_RDWR), group = open(path, O_RDWR);
	if (container < 0 || group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU)) {
		perror(path);
		return 1;
	}
	int device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, argv[2]);
	struct vfio_device_info info = { .argsz = sizeof info };
	if (device < 0 || ioctl(device, VFIO_DEVICE_GET_INFO, &info)) {
		perror(argv[2]);
		return 1;
	}
	printf("{\"flags\":%u,\"regions\":[", info.flags);
	const char *comma = "";
	for (unsigned i = 0; i < info.num_regions; i++) {
		struct vfio_region_info *region = calloc(1, 4096);
		region->argsz = 4096;
		region->index = i;
		if (!ioctl(device, VFIO_DEVICE_GET_REGION_INFO, region) && region->size) {
			printf("%s{\"index\":%u,\"size\":%llu,\"flags\":%u,\"sparse\":[", comma, i,
			       (unsigned long long)region->size, region->flags);
			comma = ",";
			const char *between = "";
			unsigned at = region->flags & VFIO_REGION_INFO_FLAG_CAPS ? region->cap_offset : 0;
			for (; at; at = ((struct vfio_info_cap_header *)((char *)region + at))->next) {
				struct vfio_region_info_cap_sparse_mmap *sparse = (void *)((char *)region + at);
				if (sparse->header.id != VFIO_REGION_INFO_CAP_SPARSE_MMAP)
					continue;
				for (unsigned a = 0; a < sparse->nr_areas; a++, between = ",")
					printf("%s{\"offset\":%llu,\"size\":%llu}", between,
					       (unsigned long long)sparse->areas[a].offset,
					       (unsigned long long)sparse->areas[a].size);
			}
			printf("]}");
		}
		free(region);
	}
	printf("],\"interrupts\":[");
	comma = "";
	for (unsigned i = 0; i < info.num_irqs; i++) {
		struct vfio_irq_info irq = { .argsz = sizeof irq, .index = i };
		if (!ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &irq) && irq.count) {
			printf("%s{\"index\":%u,\"count\":%u,\"flags\":%u}", comma, i, irq.count, irq.flags);
			comma = ",";
		}
	}
	struct vfio_iommu_type1_info *iommu = calloc(1, 4096);
	iommu->argsz = 4096;
	if (ioctl(container, VFIO_IOMMU_GET_INFO, iommu)) {
		perror("VFIO_IOMMU_GET_INFO");
		return 1;
	}
	printf("],\"pageSizes\":\"0x%llx\",\"iovaRanges\":[", (unsigned long long)iommu->iova_pgsizes);
	comma = "";
	unsigned available = 0;
	unsigned at = iommu->flags & VFIO_IOMMU_INFO_CAPS ? iommu->cap_offset : 0;
	for (; at; at = ((struct vfio_info_cap_header *)((char *)iommu + at))->next) {
		struct vfio_info_cap_header *header = (void *)((char *)iommu + at);
		if (header->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
			struct vfio_iommu_type1_info_cap_iova_range *range = (void *)header;
			for (unsigned i = 0; i < range->nr_iovas; i++, comma = ",")
				printf("%s{\"start\":\"0x%llx\",\"end\":\"0x%llx\"}", comma,
				       (unsigned long long)range->iova_ranges[i].start,
				       (unsigned long long)range->iova_ranges[i].end);
		}
		if (header->id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL)
			available = ((struct vfio_iommu_type1_info_dma_avail *)header)->avail;
	}
	printf("],\"dmaAvail\":%u}\n", available);
	return 0;
}
