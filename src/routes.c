#include "base.h"
#include "routes.h"
