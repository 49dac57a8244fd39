#include "base.h"
#include "tenant/registry.h"
