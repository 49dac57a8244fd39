#include "base.h"
#include "tenant/clients.h"
