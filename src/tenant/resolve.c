#include "base.h"
#include "tenant/resolve.h"
