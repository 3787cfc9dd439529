// The reference for udrv's VFIO figures, on QEMU's edu, as a C program does it:
//   vfio-bench BDF PATH irq COUNT   trigger to wake-up by MSI, median in microseconds
//   vfio-bench BDF PATH map COUNT   mapping and unmapping 4 KiB, median in microseconds
//   vfio-bench BDF PATH dump COUNT  64 KiB of registers by pread, 4 bytes each, median in milliseconds
//   vfio-bench BDF PATH load COUNT  a register read by mmap, 10,000 times in a row, median of one in microseconds
// PATH is of the group, /dev/vfio/N, or of the device, /dev/vfio/devices/vfioN, which is then opened by iommufd.
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void must(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static struct vfio_region_info region(int device, uint32_t index)
{
	struct vfio_region_info info = { .argsz = sizeof info, .index = index };
	must(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) == 0, "GET_REGION_INFO");
	return info;
}

static double interrupt(int device)
{
	struct vfio_region_info bar = region(device, VFIO_PCI_BAR0_REGION_INDEX);
	struct vfio_region_info config = region(device, VFIO_PCI_CONFIG_REGION_INDEX);
	static int event = -1;
	static volatile uint32_t *edu;
	uint64_t count;

	if (event < 0) {
		char buffer[sizeof(struct vfio_irq_set) + sizeof(int)];
		struct vfio_irq_set *set = (void *)buffer;
		uint16_t command;
		event = eventfd(0, EFD_CLOEXEC);
		must(event >= 0, "eventfd");
		must(pread(device, &command, 2, config.offset + 4) == 2, "command");
		command |= 4; // Bus Master
		must(pwrite(device, &command, 2, config.offset + 4) == 2, "command");
		*set = (struct vfio_irq_set){ .argsz = sizeof buffer,
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_MSI_IRQ_INDEX, .count = 1 };
		memcpy(set->data, &event, sizeof event);
		must(ioctl(device, VFIO_DEVICE_SET_IRQS, set) == 0, "SET_IRQS");
		edu = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED, device, bar.offset);
		must(edu != MAP_FAILED, "mmap");
	}
	// By poll, as who has an eventfd for each vector does, and one for the kernel's request.
	struct pollfd wait = { .fd = event, .events = POLLIN };
	double start = now();
	edu[0x60 / 4] = 1;
	must(poll(&wait, 1, -1) == 1, "poll");
	double end = now();
	must(read(event, &count, 8) == 8, "read");
	edu[0x64 / 4] = edu[0x24 / 4];
	return end - start;
}

// The ioctls that map and unmap, for a container or for an address space of iommufd.
static struct {
	int fd;
	unsigned long map, unmap;
	void *map_argument, *unmap_argument;
} iommu;

static double map(void)
{
	double start = now();
	must(ioctl(iommu.fd, iommu.map, iommu.map_argument) == 0, "map");
	must(ioctl(iommu.fd, iommu.unmap, iommu.unmap_argument) == 0, "unmap");
	return now() - start;
}

// Returns the least time that an empty measurement takes. udrv's latencies of mappings are without it too.
static double clock_cost(void)
{
	double least = 1e9;

	for (int i = 0; i < 20000; i++) {
		double start = now(), cost = now() - start;
		if (cost < least)
			least = cost;
	}
	return least;
}

static void *page(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(memory != MAP_FAILED, "mmap");
	memset(memory, 1, 4096);
	return memory;
}

static int open_group(const char *path, const char *bdf)
{
	static struct vfio_iommu_type1_dma_map map;
	static struct vfio_iommu_type1_dma_unmap unmap;
	int container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC), group = open(path, O_RDWR | O_CLOEXEC);
	must(container >= 0 && group >= 0, path);
	must(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) == 0, "SET_CONTAINER");
	must(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) == 0, "SET_IOMMU");
	map = (struct vfio_iommu_type1_dma_map){ .argsz = sizeof map,
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)page(), .iova = 0x100000, .size = 4096 };
	unmap = (struct vfio_iommu_type1_dma_unmap){ .argsz = sizeof unmap, .iova = 0x100000, .size = 4096 };
	iommu.fd = container;
	iommu.map = VFIO_IOMMU_MAP_DMA;
	iommu.unmap = VFIO_IOMMU_UNMAP_DMA;
	iommu.map_argument = &map;
	iommu.unmap_argument = &unmap;
	return ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
}

static int open_device(const char *path)
{
	static struct iommu_ioas_map map;
	static struct iommu_ioas_unmap unmap;
	int fd = open("/dev/iommu", O_RDWR | O_CLOEXEC), device = open(path, O_RDWR | O_CLOEXEC);
	must(fd >= 0 && device >= 0, path);
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof bind, .iommufd = fd };
	must(ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, &bind) == 0, "BIND_IOMMUFD");
	struct iommu_ioas_alloc space = { .size = sizeof space };
	must(ioctl(fd, IOMMU_IOAS_ALLOC, &space) == 0, "IOAS_ALLOC");
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof attach, .pt_id = space.out_ioas_id };
	must(ioctl(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach) == 0, "ATTACH_IOMMUFD_PT");
	map = (struct iommu_ioas_map){ .size = sizeof map,
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = space.out_ioas_id, .user_va = (uintptr_t)page(), .length = 4096, .iova = 0x100000 };
	unmap = (struct iommu_ioas_unmap){ .size = sizeof unmap,
		.ioas_id = space.out_ioas_id, .iova = 0x100000, .length = 4096 };
	iommu.fd = fd;
	iommu.map = IOMMU_IOAS_MAP;
	iommu.unmap = IOMMU_IOAS_UNMAP;
	iommu.map_argument = &map;
	iommu.unmap_argument = &unmap;
	return device;
}

static double dump(int device)
{
	struct vfio_region_info bar = region(device, VFIO_PCI_BAR0_REGION_INDEX);
	static uint32_t words[0x10000 / 4];
	double start = now();
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		must(pread(device, &words[i], 4, bar.offset + 4 * i) == 4, "pread");
	return (now() - start) / 1000;
}

static double load(int device)
{
	enum { READS = 10000 };
	struct vfio_region_info bar = region(device, VFIO_PCI_BAR0_REGION_INDEX);
	static volatile uint32_t *edu = MAP_FAILED;
	if (edu == MAP_FAILED)
		edu = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, device, bar.offset);
	must(edu != MAP_FAILED, "mmap");
	uint32_t sum = 0;
	double start = now();
	for (int i = 0; i < READS; i++)
		sum += edu[1];
	double end = now();
	// The value keeps the compiler from leaving the loop out.
	must(sum != 1, "sum");
	return (end - start) / READS;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	int device = strstr(argv[2], "/devices/") ? open_device(argv[2]) : open_group(argv[2], argv[1]);
	must(device >= 0, argv[1]);

	int count = atoi(argv[4]);
	double *values = calloc(count, sizeof *values);
	must(count > 0 && values, "count");
	for (int i = 0; i < count; i++)
		values[i] = *argv[3] == 'i' ? interrupt(device) : *argv[3] == 'm' ? map() : *argv[3] == 'l' ? load(device) : dump(device);
	qsort(values, count, sizeof *values, by_value);
	printf("%.3f\n", values[count / 2] - (*argv[3] == 'm' ? clock_cost() : 0));
	return 0;
}
